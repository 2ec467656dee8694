"""Lattices in tables: columns of the particle table, and a row per set of fringes."""

import csv
from collections.abc import Iterable, Sequence
from math import cos, radians
from pathlib import Path

from tem_rf.errors import ReadError
from tem_rf.files import write_csv
from tem_rf.lattice.measure import FringeSet, ParticleLattice

Frames = Iterable[tuple[int, Sequence[ParticleLattice]]]

_PARTICLE_COLUMNS = (
    "lattice_class",
    "lattice_confidence",
    "crystallinity",
    "zone_axis",
    "zone_candidates",
    "orientation_deg",
    "orientation_plane",
    "orientation_period_deg",
    "spacing_deviation",
    "plane_1",
    "spacing_1_nm",
    "spacing_1_sd_nm",
    "direction_1_deg",
    "direction_1_sd_deg",
    "plane_2",
    "spacing_2_nm",
    "spacing_2_sd_nm",
    "direction_2_deg",
    "direction_2_sd_deg",
    "angle_deg",
    "angle_sd_deg",
)
_TEXTS = ("lattice_class", "zone_axis", "zone_candidates", "orientation_plane", "plane_1", "plane_2")
_FRINGE_COLUMNS = (
    "frame",
    "particle",
    "crystal",
    "plane",
    "spacing_nm",
    "spacing_sd_nm",
    "deviation",
    "direction_deg",
    "direction_sd_deg",
    "signal",
)
_MIN_SIGNAL = 0.2  # of the strongest set, of the two in the particle table
_PARALLEL = cos(radians(8))


def add_to_particles(path: Path, frames: Frames) -> None:
    """Add the columns of the lattice to the table of particles, in place of those that it may have.

    Args:
        path: The table, from `write_particles`; it is replaced as a whole.
        frames: Number of each frame, and the lattices of its particles.

    Raises:
        ReadError: The table is missing or damaged.
        StorageError: The disk is full or the location is not writable.
    """
    lattices = {(frame, one.number): one for frame, particles in frames for one in particles}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = [name for name in reader.fieldnames or () if name not in _PARTICLE_COLUMNS]
            rows: list[dict[str, object]] = [
                {name: row[name] for name in columns}
                | _particle_row(lattices.get((int(row["frame"]), int(row["number"]))))
                for row in reader
            ]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ReadError(f"{path}: is not a table of particles ({error}); segment the file again.") from error
    write_csv(path, [*columns, *_PARTICLE_COLUMNS], rows)


def read_lattice_columns(path: Path, columns: Sequence[str]) -> dict[tuple[int, int], dict[str, str]]:
    """Read columns of the lattice from the table of particles.

    Returns:
        By the numbers of frame and particle; empty if the lattice was not measured.

    Raises:
        ReadError: The table is missing or damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not set(columns) <= set(reader.fieldnames or ()):
                return {}
            return {(int(row["frame"]), int(row["number"])): {name: row[name] for name in columns} for row in reader}
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ReadError(f"{path}: is not a table of particles ({error}); segment the file again.") from error


def read_lattice_values(path: Path) -> dict[tuple[int, int], dict[str, str | float | None]]:
    """Read all columns of the lattice from the table of particles, as texts and numbers; None where a cell is empty.

    Returns:
        By the numbers of frame and particle; empty if the lattice was not measured.

    Raises:
        ReadError: The table is missing or damaged.
    """
    try:
        return {
            key: {name: (text if name in _TEXTS else float(text)) if text else None for name, text in row.items()}
            for key, row in read_lattice_columns(path, _PARTICLE_COLUMNS).items()
        }
    except ValueError as error:
        raise ReadError(f"{path}: is not a table of particles ({error}); segment the file again.") from error


def write_fringes(path: Path, frames: Frames) -> None:
    """Write one row per set of fringes.

    Args:
        path: File to write, atomically.
        frames: Number of each frame, from 1, and the lattices of its particles.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    rows = [
        {"frame": frame, "particle": one.number, **{name: getattr(own, name) for name in _FRINGE_COLUMNS[2:]}}
        for frame, particles in frames
        for one in particles
        for own in one.sets
    ]
    write_csv(path, _FRINGE_COLUMNS, rows)


def main_sets(lattice: ParticleLattice) -> tuple[FringeSet, ...]:
    """The widest set of the first crystal, and the next that is not parallel to it; sets that are weak do not count."""
    own = [one for one in lattice.sets if one.crystal == 1]
    strongest = max((one.signal for one in own), default=0.0)
    own = [one for one in own if one.signal >= _MIN_SIGNAL * strongest]
    second = [one for one in own[1:] if abs(cos(radians(one.direction_deg - own[0].direction_deg))) < _PARALLEL]
    return tuple(own[:1] + second[:1])


def interplanar_angle_deg(first: FringeSet, second: FringeSet) -> tuple[float, float]:
    """Angle between two sets, from 0 to 90, and its standard error [degrees]."""
    turned = abs(first.direction_deg - second.direction_deg) % 180
    return min(turned, 180 - turned), (first.direction_sd_deg**2 + second.direction_sd_deg**2) ** 0.5


def _particle_row(lattice: ParticleLattice | None) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(_PARTICLE_COLUMNS)
    if lattice is None:
        return row
    row |= {
        "lattice_class": lattice.kind,
        "lattice_confidence": lattice.confidence,
        "crystallinity": lattice.crystallinity,
        "zone_axis": lattice.zone_axes[0] if lattice.zone_axes else "",
        "zone_candidates": " ".join(lattice.zone_axes),
        "orientation_deg": lattice.orientation_deg,
        "orientation_plane": lattice.orientation_plane or "",
        "orientation_period_deg": lattice.orientation_period_deg,
        "spacing_deviation": lattice.spacing_deviation,
    }
    main = main_sets(lattice)
    for number, one in enumerate(main, start=1):
        row |= {
            f"plane_{number}": one.plane or "",
            f"spacing_{number}_nm": one.spacing_nm,
            f"spacing_{number}_sd_nm": one.spacing_sd_nm,
            f"direction_{number}_deg": one.direction_deg,
            f"direction_{number}_sd_deg": one.direction_sd_deg,
        }
    if len(main) == 2:
        angle, error = interplanar_angle_deg(*main)
        row |= {"angle_deg": angle, "angle_sd_deg": error}
    return row
