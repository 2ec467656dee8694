"""Track the particles of a segmented movie: table and plots, from its particle table."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.reading import AS_IT_IS, ReadingSettings
from tem_rf.config.segmentation import TrackSettings
from tem_rf.data.formats.recording import Wanted
from tem_rf.data.readers import open_recording, read_frames
from tem_rf.data.tiff import MAX_UINT16
from tem_rf.errors import SettingsError
from tem_rf.files import readable
from tem_rf.inference.results import SegmentedFile, write_images
from tem_rf.inference.track_tables import write_track_tables
from tem_rf.particles.drift import Drift, measure_drift
from tem_rf.particles.measure import Particle
from tem_rf.particles.motion import Scale
from tem_rf.particles.table import read_particles
from tem_rf.particles.tracking import Track, follow_particles
from tem_rf.plots.motion import write_motion
from tem_rf.plots.tracks import write_development, write_paths


@dataclass(frozen=True)
class TrackedFile:
    """The tracks of a movie.

    Attributes:
        files: Files written, by kind: tracks, track_instances, track_statistics, events, motion, motion_plot, drift (if
            it is corrected), paths, development.
        tracks: Number of tracks.
        ends: Number of tracks that ended for each reason, see `Track.end`.
        starts: Number of tracks that began for each reason, see `Track.start`.
        frame_interval_s: Time between frames [s]; None if neither the user nor the file gives it.
        motion: Drift, diffusion and growth as JSON types, with units and assumptions.
        notes: Notes for the user.
    """

    files: dict[str, Path]
    tracks: int
    ends: dict[str, int]
    starts: dict[str, int]
    frame_interval_s: float | None
    motion: dict[str, Any]
    notes: tuple[str, ...] = ()


def check_movie(
    path: Path, settings: TrackSettings, pixel_size_nm: float | None = None, reading: ReadingSettings = AS_IT_IS
) -> None:
    """Check that the particles of a file can be tracked, before it is segmented.

    Args:
        path: The file.
        settings: Tracking settings.
        pixel_size_nm: Pixel size [nm], which overrides the one in the file.
        reading: Array to read if the file holds several.

    Raises:
        SettingsError: The file is a single image; see also `TrackSettings.step_px`.
        ReadError: The file cannot be read.
    """
    with open_recording(path, Wanted(reading.array)) as recording:
        if recording.count < 2:
            raise SettingsError(f"{path}: `track` needs a movie, but this is a single image; leave it out.")
        sides = recording.pixel_sides_nm
    settings.step_px(pixel_size_nm or (sides and sides[1]))


def track_file(
    segmented: SegmentedFile, output: Path, settings: TrackSettings, reading: ReadingSettings = AS_IT_IS
) -> TrackedFile:
    """Track the particles of a segmented movie.

    Args:
        segmented: Segmentation of the movie.
        output: Folder for the results; their names begin with the stem of the movie.
        settings: Tracking settings.
        reading: Array and channel to read.

    Raises:
        SettingsError: See `TrackSettings.step_px` and `follow_particles`.
        ModelError: trackpy is not installed.
        ReadError: The movie or its table cannot be read.
        StorageError: The disk is full or the folder is not writable.
    """
    path, pixel_size_nm = segmented.image, segmented.pixel_size_nm
    frames = read_particles(segmented.files["particles"], segmented.frames)
    drift = _drift(segmented, settings, reading) if settings.correct_drift else None
    tracks = follow_particles(
        frames if drift is None else _without_drift(frames, drift),
        max_step_px=settings.step_px(pixel_size_nm),
        memory=settings.memory,
    )
    scale = Scale(pixel_size_nm, settings.frame_interval_s or _recorded_interval_s(path, reading))
    files, motion = write_track_tables(segmented.files["particles"], output, path.stem, tracks, drift, scale)
    files |= {
        "track_instances": output / f"{path.stem}_track_instances.tif",
        "paths": output / f"{path.stem}_paths.png",
        "development": output / f"{path.stem}_development.png",
        "motion_plot": output / f"{path.stem}_motion.png",
    }
    write_images(files["track_instances"], _by_track(segmented, tracks), segmented.frames, pixel_size_nm)
    title = readable(path.name)
    write_paths(files["paths"], _first_frame(segmented, reading), tracks, title=title, pixel_size_nm=pixel_size_nm)
    write_development(
        files["development"],
        frames,
        tracks,
        title=title,
        pixel_size_nm=pixel_size_nm,
        frame_interval_s=scale.frame_interval_s,
    )
    write_motion(files["motion_plot"], motion.diffusion, motion.growth, motion.rates, drift, scale, title=title)
    return TrackedFile(
        files=files,
        tracks=len(tracks),
        ends=dict(Counter(track.end for track in tracks)),
        starts=dict(Counter(track.start for track in tracks)),
        frame_interval_s=scale.frame_interval_s,
        motion=motion.to_json(drift, scale),
        notes=_notes(path, drift, scale),
    )


def _drift(segmented: SegmentedFile, settings: TrackSettings, reading: ReadingSettings) -> Drift:
    """Measure the drift, in pixels of the mask."""
    frames = read_frames(segmented.image, resample=True, reading=reading)
    sizes: list[int] = []

    def counts() -> Iterator[np.ndarray]:
        for frame in frames:
            sizes.append(frame.pixels.shape[0])
            yield frame.pixels

    measured = measure_drift(counts())
    rows = next(read_frames(segmented.files["mask"], resample=True)).pixels.shape[0]
    return replace(measured, shifts_px=measured.shifts_px * (rows / sizes[0]))


def _without_drift(frames: Sequence[Sequence[Particle]], drift: Drift) -> list[list[Particle]]:
    """Return the particles where they would be without drift."""
    return [
        [replace(one, y_px=one.y_px - y, x_px=one.x_px - x) for one in particles]
        for particles, (y, x) in zip(frames, drift.shifts_px.tolist(), strict=True)
    ]


def _notes(path: Path, drift: Drift | None, scale: Scale) -> tuple[str, ...]:
    if drift is None:
        return ()
    length, unit = scale.length(drift.total_px)
    notes = [f"{path.name}: corrected a drift of {length:.3g} {unit} from the first to the last frame"]
    if drift.unknown:
        notes.append(
            f"{path.name}: the drift could not be measured in {len(drift.unknown)} of {len(drift.shifts_px)} frames "
            f"(first: {drift.unknown[0]}) and counts as 0 there"
        )
    return tuple(notes)


def _recorded_interval_s(path: Path, reading: ReadingSettings) -> float | None:
    with open_recording(path, Wanted(reading.array)) as recording:
        return recording.frame_interval_s


def _first_frame(segmented: SegmentedFile, reading: ReadingSettings) -> np.ndarray:
    """Return the counts of the first frame, on the pixels of its mask."""
    from skimage.transform import resize

    counts = next(read_frames(segmented.image, resample=True, reading=reading)).pixels
    mask = next(read_frames(segmented.files["mask"], resample=True)).pixels
    return counts if counts.shape == mask.shape else resize(counts.astype(np.float32), mask.shape, order=1)


def _by_track(segmented: SegmentedFile, tracks: Sequence[Track]) -> Iterator[np.ndarray]:
    """Yield the instances of each frame with the number of the track in place of that of the particle."""
    of_frame: dict[int, dict[int, int]] = {}
    for track in tracks:
        for frame, particle in zip(track.frames, track.particles, strict=True):
            of_frame.setdefault(frame, {})[particle.number] = track.number
    dtype = np.uint16 if len(tracks) <= MAX_UINT16 else np.uint32
    for frame, instances in enumerate(read_frames(segmented.files["instances"], resample=True), start=1):
        numbers = of_frame.get(frame, {})
        lookup = np.zeros(max(numbers, default=0) + 1, dtype)
        lookup[list(numbers)] = list(numbers.values())
        yield lookup[instances.pixels]
