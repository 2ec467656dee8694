"""Track the particles of a segmented movie: table and plots, from its particle table."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.config.reading import AS_IT_IS, ReadingSettings
from tem_rf.config.segmentation import TrackSettings
from tem_rf.data.formats.recording import Wanted
from tem_rf.data.readers import open_recording, read_frames
from tem_rf.data.tiff import MAX_UINT16
from tem_rf.errors import SettingsError
from tem_rf.files import readable, replacing_file
from tem_rf.inference.results import SegmentedFile, write_images
from tem_rf.particles.table import read_particles
from tem_rf.particles.tracking import Track, follow_particles
from tem_rf.plots.tracks import write_development, write_paths


@dataclass(frozen=True)
class TrackedFile:
    """The tracks of a movie.

    Attributes:
        files: Files written, by kind: tracks, track_instances, paths, development.
        tracks: Number of tracks.
        ends: Number of tracks that ended for each reason, see `Track.end`.
        frame_interval_s: Time between frames [s]; None if neither the user nor the file gives it.
    """

    files: dict[str, Path]
    tracks: int
    ends: dict[str, int]
    frame_interval_s: float | None


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
    tracks = follow_particles(frames, max_step_px=settings.step_px(pixel_size_nm), memory=settings.memory)
    frame_interval_s = settings.frame_interval_s or _recorded_interval_s(path, reading)
    files = {
        "tracks": output / f"{path.stem}_tracks.csv",
        "track_instances": output / f"{path.stem}_track_instances.tif",
        "paths": output / f"{path.stem}_paths.png",
        "development": output / f"{path.stem}_development.png",
    }
    _write_table(files["tracks"], tracks, pixel_size_nm, frame_interval_s)
    write_images(files["track_instances"], _by_track(segmented, tracks), segmented.frames, pixel_size_nm)
    write_paths(
        files["paths"], _first_frame(segmented, reading), tracks, title=readable(path.name), pixel_size_nm=pixel_size_nm
    )
    write_development(
        files["development"],
        frames,
        tracks,
        title=readable(path.name),
        pixel_size_nm=pixel_size_nm,
        frame_interval_s=frame_interval_s,
    )
    return TrackedFile(files, len(tracks), dict(Counter(track.end for track in tracks)), frame_interval_s)


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


def _write_table(
    path: Path, tracks: Sequence[Track], pixel_size_nm: float | None, frame_interval_s: float | None
) -> None:
    columns = ["track", "frame", "particle", "x_px", "y_px", "area_px", "diameter_px", "end"]
    columns += [] if frame_interval_s is None else ["time_s"]
    columns += [] if pixel_size_nm is None else ["x_nm", "y_nm", "area_nm2", "diameter_nm"]
    with replacing_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for track in tracks:
            for frame, particle in zip(track.frames, track.particles, strict=True):
                row: dict[str, object] = {
                    "track": track.number,
                    "frame": frame,
                    "particle": particle.number,
                    "x_px": f"{particle.x_px:.6g}",
                    "y_px": f"{particle.y_px:.6g}",
                    "area_px": particle.area_px,
                    "diameter_px": f"{particle.diameter_px:.6g}",
                    "end": track.end,
                }
                if frame_interval_s is not None:
                    row["time_s"] = f"{(frame - 1) * frame_interval_s:.6g}"
                if pixel_size_nm is not None:
                    row |= {
                        "x_nm": f"{particle.x_px * pixel_size_nm:.6g}",
                        "y_nm": f"{particle.y_px * pixel_size_nm:.6g}",
                        "area_nm2": f"{particle.area_px * pixel_size_nm**2:.6g}",
                        "diameter_nm": f"{particle.diameter_px * pixel_size_nm:.6g}",
                    }
                writer.writerow(row)
