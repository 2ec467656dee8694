"""Frames that are done, on disk, so that a killed job goes on with the next one."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from tem_rf.files import storage_errors, write_json
from tem_rf.particles.measure import Particle
from tem_rf.particles.scores import ParticleScores


@dataclass(frozen=True)
class FrameRecord:
    """What is remembered of a frame beside its images.

    Attributes:
        shape: Height and width of its images [px].
        pixel_size_nm: Side of a pixel [nm].
        particles: Its particles.
        left_out: Parts of the mask that were too small.
        min_diameter_px: Diameter of the smallest disc that was not [px].
        scores: Against the label, where there is one.
        hard_dice: Against the label, where there is one.
        notes: What the user should know.
    """

    shape: tuple[int, int]
    pixel_size_nm: float | None
    particles: tuple[Particle, ...]
    left_out: int
    min_diameter_px: float
    scores: ParticleScores | None
    hard_dice: float | None
    notes: tuple[str, ...]


_RECORD = TypeAdapter(FrameRecord)


class FrameStore:
    """A folder with a raw file per kind of image, and a line per frame that is done.

    A line is written after the images it speaks of, so whatever a kill leaves behind the last line is cut off.

    Args:
        folder: Where to keep it.
        job: Everything that decides the results; a store of another job is thrown away.
        kinds: Kinds of images, with their types.
    """

    def __init__(self, folder: Path, job: dict[str, Any], kinds: Mapping[str, np.dtype]) -> None:
        self._folder, self._kinds = folder, {kind: np.dtype(dtype) for kind, dtype in kinds.items()}
        self.records: list[FrameRecord] = []
        with storage_errors(folder):
            if self._is_of(job):
                self._read_lines()
            else:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                write_json(folder / "job.json", job)
            self._cut_off()

    def append(self, record: FrameRecord, images: Mapping[str, np.ndarray]) -> None:
        """Remember a frame.

        Args:
            record: What is known about it.
            images: (height, width) of each kind.

        Raises:
            StorageError: The disk is full.
        """
        with storage_errors(self._folder):
            for kind, dtype in self._kinds.items():
                with self._raw(kind).open("ab") as file:
                    file.write(np.ascontiguousarray(images[kind], dtype).data)
            with self._lines.open("a", encoding="utf-8") as file:
                file.write(_line(record))
        self.records.append(record)

    def images(self, kind: str) -> Iterator[np.ndarray]:
        """The images of a kind, memory-mapped."""
        dtype, offset = self._kinds[kind], 0
        for record in self.records:
            image = np.memmap(self._raw(kind), dtype, "r", offset, record.shape)
            offset += image.nbytes
            yield image

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _is_of(self, job: dict[str, Any]) -> bool:
        try:
            return json.loads((self._folder / "job.json").read_text(encoding="utf-8")) == json.loads(json.dumps(job))
        except (OSError, ValueError):
            return False

    def _read_lines(self) -> None:
        """Read lines as far as they are whole and their images are there."""
        room = {kind: self._raw(kind).stat().st_size if self._raw(kind).exists() else 0 for kind in self._kinds}
        for line in self._lines.read_text(encoding="utf-8").splitlines() if self._lines.exists() else []:
            try:
                record = _RECORD.validate_json(line)
            except ValidationError:
                return
            for kind, dtype in self._kinds.items():
                room[kind] -= record.shape[0] * record.shape[1] * dtype.itemsize
            if min(room.values()) < 0:
                return
            self.records.append(record)

    def _cut_off(self) -> None:
        pixels = sum(height * width for height, width in (record.shape for record in self.records))
        for kind, dtype in self._kinds.items():
            with self._raw(kind).open("ab") as file:
                file.truncate(pixels * dtype.itemsize)
        self._lines.write_text("".join(map(_line, self.records)), encoding="utf-8")

    def _raw(self, kind: str) -> Path:
        return self._folder / f"{kind}.raw"

    @property
    def _lines(self) -> Path:
        return self._folder / "frames.jsonl"


def _line(record: FrameRecord) -> str:
    return _RECORD.dump_json(record).decode() + "\n"
