"""The table of particles: a CSV file with lengths in px and nm."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path

from pydantic import TypeAdapter

from tem_rf.errors import ReadError
from tem_rf.files import replacing_file
from tem_rf.particles.measure import Particle

_PARTICLE = TypeAdapter(Particle)
_COLUMNS = tuple(field.name for field in fields(Particle))
_LENGTHS = ("y_px", "x_px", "diameter_px", "feret_max_px", "feret_min_px")
_VALUES, _LENGTH_VALUES = attrgetter(*_COLUMNS), attrgetter(*_LENGTHS)


def write_particles(
    path: Path, frames: Iterable[tuple[int, Sequence[Particle]]], *, pixel_size_nm: float | None = None
) -> None:
    """Write one row per particle, with lengths in px and, if the pixel size is known, in nm.

    Args:
        path: File to write, atomically.
        frames: Number of each frame, from 1 as in Fiji, and its particles.
        pixel_size_nm: Pixel size [nm], or None.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    columns = ["frame", *_COLUMNS]
    if pixel_size_nm is not None:
        columns += [_in_nm(name) for name in _LENGTHS] + ["area_nm2"]
    with replacing_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for frame, particles in frames:
            writer.writerows(_row(frame, particle, pixel_size_nm) for particle in particles)


def read_particles(path: Path, frames: int | None = None) -> list[list[Particle]]:
    """Read the output of `write_particles`.

    Args:
        path: The table.
        frames: Number of frames, since frames without particles are not listed. None: up to the last one listed.

    Returns:
        The particles of each frame, lengths in px.

    Raises:
        ReadError: The table is missing or damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(int(row["frame"]), _particle(row)) for row in csv.DictReader(file)]
        count = max((frame for frame, _ in rows), default=0) if frames is None else frames
        particles: list[list[Particle]] = [[] for _ in range(count)]
        for frame, particle in rows:
            particles[frame - 1].append(particle)
    except (OSError, KeyError, IndexError, TypeError, ValueError, csv.Error) as error:
        raise ReadError(f"{path}: is not a table of particles ({error}); segment the file again.") from error
    return particles


def _particle(row: dict[str, str]) -> Particle:
    # Tables of earlier versions have no confidence.
    return _PARTICLE.validate_python({name: row[name] or None for name in _COLUMNS if name in row})


def _row(frame: int, particle: Particle, pixel_size_nm: float | None) -> list[object]:
    values: list[object] = [f"{one:.6g}" if isinstance(one, float) else one for one in _VALUES(particle)]
    if pixel_size_nm is not None:
        values += [f"{length * pixel_size_nm:.6g}" for length in _LENGTH_VALUES(particle)]
        values.append(f"{particle.area_px * pixel_size_nm**2:.6g}")
    return [frame, *values]


def _in_nm(name: str) -> str:
    return f"{name.removesuffix('px')}nm"
