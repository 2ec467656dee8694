"""Tables of the tracks of a movie: places, statistics per track, mergers and splits, drift, motion."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tem_rf.files import write_csv
from tem_rf.lattice.table import read_lattice_columns
from tem_rf.particles.drift import Drift
from tem_rf.particles.motion import (
    DIFFUSION_ASSUMPTIONS,
    GROWTH_ASSUMPTIONS,
    Diffusion,
    Growth,
    Scale,
    growth_rate,
    is_undisturbed,
    measure_diffusion,
    measure_growth,
)
from tem_rf.particles.tracking import Track

_LATTICE = ("lattice_class", "crystallinity", "zone_axis", "orientation_deg", "plane_1", "spacing_1_nm")
_Lattices = Mapping[tuple[int, int], Mapping[str, str]]  # by the numbers of frame and particle


@dataclass(frozen=True)
class Motion:
    """How the particles of a movie move and grow.

    Attributes:
        diffusion: Diffusion; None with too few tracks.
        growth: Growth; None with too few undisturbed tracks.
        rates: Change of the diameter of each undisturbed track [px per frame].
    """

    diffusion: Diffusion | None
    growth: Growth | None
    rates: tuple[float, ...]

    def to_json(self, drift: Drift | None, scale: Scale) -> dict[str, Any]:
        """All numbers as JSON types, in nm and s where these are known, with their assumptions."""
        content: dict[str, Any] = {"drift": None, "diffusion": None, "growth": None}
        if drift is not None:
            total, unit = scale.length(drift.total_px)
            content["drift"] = {"total": total, "unit": unit, "frames_not_measured": list(drift.unknown)}
        if (found := self.diffusion) is not None:
            coefficient, unit = scale.per_time(found.coefficient, 2)
            content["diffusion"] = {
                "coefficient": coefficient,
                "interval_95": [scale.per_time(one, 2)[0] for one in found.interval],
                "unit": unit,
                "exponent": found.exponent,
                "tracks": found.tracks,
                "assumptions": DIFFUSION_ASSUMPTIONS,
            }
        if (grown := self.growth) is not None:
            rate, unit = scale.per_time(grown.rate, 1)
            content["growth"] = {
                "diameter_rate": rate,
                "interval_95": [scale.per_time(one, 1)[0] for one in grown.interval],
                "unit": unit,
                "tracks": grown.tracks,
                "growing": grown.growing,
                "shrinking": grown.shrinking,
                "assumptions": GROWTH_ASSUMPTIONS,
            }
        return content


def write_track_tables(
    particles: Path, output: Path, stem: str, tracks: Sequence[Track], drift: Drift | None, scale: Scale
) -> tuple[dict[str, Path], Motion]:
    """Write the tables of the tracks of a movie.

    Args:
        particles: Table of particles, from which the lattice of each is taken if it was measured.
        output: Folder to write to.
        stem: Beginning of the names of the files.
        tracks: The tracks, without drift if it is corrected.
        drift: The drift; None if it is not corrected.
        scale: Pixel size and frame interval.

    Returns:
        Files by kind, and the motion.

    Raises:
        ReadError: The table of particles is missing or damaged.
        StorageError: The disk is full or the folder is not writable.
    """
    kinds = ["tracks", "track_statistics", "events", "motion", *(["drift"] if drift is not None else [])]
    files = {kind: output / f"{stem}_{kind}.csv" for kind in kinds}
    lattices = read_lattice_columns(particles, _LATTICE)
    fits = [growth_rate(track) for track in tracks if is_undisturbed(track, tracks)]
    rates = tuple(one[0] for one in fits if one is not None)
    motion = Motion(measure_diffusion(tracks), measure_growth(tracks), rates)
    _write(files["tracks"], list(_places(tracks, drift, scale, lattices)), _place_columns(drift, scale, lattices))
    _write(files["track_statistics"], [_statistics(track, tracks, scale, lattices) for track in tracks])
    _write(files["events"], sorted(_events(tracks), key=lambda row: (row["frame"], row["track"])))
    _write(files["motion"], _displacements(motion.diffusion, scale))
    if drift is not None:
        _write(files["drift"], _drift_rows(drift, scale))
    return files, motion


_COLUMNS = {
    "track_statistics": ["track", "first_frame", "last_frame", "frames", "start", "end", "split_from", "merged_into"],
    "events": ["frame", "event", "track", "other_track", "x_px", "y_px"],
    "motion": ["lag_frames", "msd_px2", "displacements"],
}


def _write(path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None) -> None:
    kind = next((kind for kind in _COLUMNS if path.stem.endswith(f"_{kind}")), "")
    write_csv(path, columns or (list(rows[0]) if rows else _COLUMNS[kind]), rows)


def _place_columns(drift: Drift | None, scale: Scale, lattices: _Lattices) -> list[str]:
    columns = ["track", "frame", "particle", "x_px", "y_px", "area_px", "diameter_px", "end", "confidence"]
    columns += [] if scale.frame_interval_s is None else ["time_s"]
    columns += [] if scale.pixel_size_nm is None else ["x_nm", "y_nm", "area_nm2", "diameter_nm"]
    columns += [] if drift is None else ["x_without_drift_px", "y_without_drift_px"]
    return columns + (list(_LATTICE) if lattices else [])


def _places(
    tracks: Sequence[Track], drift: Drift | None, scale: Scale, lattices: _Lattices
) -> Iterator[dict[str, object]]:
    """Yield a row per track and frame, with the place in the frame as it was recorded."""
    for track in tracks:
        for frame, one in zip(track.frames, track.particles, strict=True):
            y, x = (0.0, 0.0) if drift is None else drift.shifts_px[frame - 1].tolist()
            row: dict[str, object] = {
                "track": track.number,
                "frame": frame,
                "particle": one.number,
                "x_px": one.x_px + x,
                "y_px": one.y_px + y,
                "area_px": one.area_px,
                "diameter_px": one.diameter_px,
                "end": track.end,
                "confidence": one.confidence,
            }
            if scale.frame_interval_s is not None:
                row["time_s"] = (frame - 1) * scale.frame_interval_s
            if (pixel := scale.pixel_size_nm) is not None:
                row |= {"x_nm": (one.x_px + x) * pixel, "y_nm": (one.y_px + y) * pixel}
                row |= {"area_nm2": one.area_px * pixel**2, "diameter_nm": one.diameter_px * pixel}
            if drift is not None:
                row |= {"x_without_drift_px": one.x_px, "y_without_drift_px": one.y_px}
            if lattices:
                row |= lattices.get((frame, one.number), dict.fromkeys(_LATTICE, ""))
            yield row


def _statistics(track: Track, tracks: Sequence[Track], scale: Scale, lattices: _Lattices) -> dict[str, object]:
    first, last = track.particles[0], track.particles[-1]
    rate = growth_rate(track)
    row: dict[str, object] = {
        "track": track.number,
        "first_frame": track.frames[0],
        "last_frame": track.frames[-1],
        "frames": len(track.frames),
        "start": track.start,
        "end": track.end,
        "split_from": track.split_from,
        "merged_into": track.merged_into,
        "undisturbed": is_undisturbed(track, tracks),
        "mean_diameter_px": sum(one.diameter_px for one in track.particles) / len(track.particles),
        "diameter_rate_px_per_frame": rate and rate[0],
        "diameter_rate_sd_px_per_frame": rate and rate[1],
        "displacement_px": ((last.x_px - first.x_px) ** 2 + (last.y_px - first.y_px) ** 2) ** 0.5,
    }
    if scale.pixel_size_nm is not None and scale.frame_interval_s is not None:
        row["diameter_rate_nm_per_s"] = rate and scale.per_time(rate[0], 1)[0]
    if lattices:
        seen = [
            found
            for frame, one in zip(track.frames, track.particles, strict=True)
            if (found := lattices.get((frame, one.number))) is not None and found["lattice_class"]
        ]
        classes = [one["lattice_class"] for one in seen]
        row |= {
            "first_lattice_class": classes[0] if classes else "",
            "last_lattice_class": classes[-1] if classes else "",
            "lattice_class_changes": sum(one != other for one, other in pairwise(classes)),
            "mean_crystallinity": sum(float(one["crystallinity"]) for one in seen) / len(seen) if seen else None,
        }
    return row


def _events(tracks: Sequence[Track]) -> Iterator[dict[str, Any]]:
    """Yield beginnings and ends within the movie: the last frame before a merger, the first one after a split."""
    for track in tracks:
        if track.start != "first frame":
            yield _event(track, 0, track.start, track.split_from)
        if track.end != "last frame":
            yield _event(track, -1, track.end, track.merged_into)


def _event(track: Track, place: int, what: str, other: int | None) -> dict[str, Any]:
    names = {"border": "entered" if place == 0 else "left", "split": "split from", "merged": "merged into"}
    one = track.particles[place]
    return {
        "frame": track.frames[place],
        "event": names.get(what, what),
        "track": track.number,
        "other_track": other,
        "x_px": one.x_px,
        "y_px": one.y_px,
    }


def _displacements(found: Diffusion | None, scale: Scale) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for lag, msd, count in zip(found.lags, found.msd_px2, found.displacements, strict=True) if found else ():
        row: dict[str, object] = {"lag_frames": lag, "msd_px2": msd, "displacements": count}
        if scale.frame_interval_s is not None:
            row["lag_s"] = lag * scale.frame_interval_s
        if scale.pixel_size_nm is not None:
            row["msd_nm2"] = msd * scale.pixel_size_nm**2
        rows.append(row)
    return rows


def _drift_rows(drift: Drift, scale: Scale) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for frame, (y, x) in enumerate(drift.shifts_px.tolist(), start=1):
        row: dict[str, object] = {"frame": frame, "x_px": x, "y_px": y, "measured": frame not in drift.unknown}
        if scale.pixel_size_nm is not None:
            row |= {"x_nm": x * scale.pixel_size_nm, "y_nm": y * scale.pixel_size_nm}
        rows.append(row)
    return rows
