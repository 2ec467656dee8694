"""Finished frames on disk, so that a killed job can resume at the next frame."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from tem_rf.data.tiff import MAX_UINT16
from tem_rf.files import storage_errors, write_json
from tem_rf.particles.measure import Particle
from tem_rf.particles.scores import ParticleScores
from tem_rf.trust.verdict import Verdict


@dataclass(frozen=True)
class FrameRecord:
    """Record of a frame, stored with its images.

    Attributes:
        shape: Height and width of its images [px].
        pixel_size_nm: Pixel size [nm].
        particles: Its particles.
        left_out: Number of particles below the minimum diameter.
        min_diameter_px: Minimum diameter, as that of a disc of the same area [px].
        scores: Scores against the label, if there is one.
        hard_dice: Hard dice against the label, if there is one.
        notes: Notes for the user.
        source: Digest of the frame in the file, if the file may still grow.
        verdict: Whether to trust the mask; None if the model has no record of that.
        low_confidence: Number of particles below the minimum confidence.
    """

    shape: tuple[int, int]
    pixel_size_nm: float | None
    particles: tuple[Particle, ...]
    left_out: int
    min_diameter_px: float
    scores: ParticleScores | None
    hard_dice: float | None
    notes: tuple[str, ...]
    source: str | None = None
    verdict: Verdict | None = None
    low_confidence: int = 0


_RECORD = TypeAdapter(FrameRecord)
_FORMAT = 2  # of the raw files; those of earlier versions are not continued


class FrameStore:
    """A folder with one raw file per kind of image, and one line per finished frame.

    A line is written after its images, so data left by a kill after the last line is truncated.

    Args:
        folder: Folder of the store.
        job: Everything that determines the results; a store of another job is deleted.
        kinds: Kinds of images, with their dtypes. Instances are uint16 where it holds all numbers.
    """

    def __init__(self, folder: Path, job: dict[str, Any], kinds: Mapping[str, np.dtype]) -> None:
        job = {**job, "format": _FORMAT}
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
        """Add a frame.

        Args:
            record: Its record.
            images: (height, width) of each kind.

        Raises:
            StorageError: The disk is full.
        """
        with storage_errors(self._folder), ExitStack() as unwritten:  # no later frame may follow half of this one
            for kind in self._kinds:
                with self._raw(kind).open("ab") as file:
                    unwritten.callback(os.truncate, file.name, file.tell())
                    file.write(np.ascontiguousarray(images[kind], self._dtype(kind, record)).data)
            with self._lines.open("ab") as file:
                unwritten.callback(os.truncate, file.name, file.tell())
                file.write(_line(record).encode())
            unwritten.pop_all()
        self.records.append(record)

    def images(self, kind: str) -> Iterator[np.ndarray]:
        """Yield the images of a kind, memory-mapped."""
        offset = 0
        for record in self.records:
            image = np.memmap(self._raw(kind), self._dtype(kind, record), "r", offset, record.shape)
            offset += image.nbytes
            yield image

    def truncate(self, count: int) -> None:
        """Drop all frames after the first `count`."""
        with storage_errors(self._folder):
            del self.records[count:]
            self._cut_off()

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _is_of(self, job: dict[str, Any]) -> bool:
        try:
            return json.loads((self._folder / "job.json").read_text(encoding="utf-8")) == json.loads(json.dumps(job))
        except (OSError, ValueError):
            return False

    def _read_lines(self) -> None:
        """Read lines as long as they are complete and their images exist."""
        room = {kind: self._raw(kind).stat().st_size if self._raw(kind).exists() else 0 for kind in self._kinds}
        for line in self._lines.read_text(encoding="utf-8").splitlines() if self._lines.exists() else []:
            try:
                record = _RECORD.validate_json(line)
            except ValidationError:
                return
            for kind in self._kinds:
                room[kind] -= self._bytes(kind, record)
            if min(room.values()) < 0:
                return
            self.records.append(record)

    def _cut_off(self) -> None:
        for kind in self._kinds:
            with self._raw(kind).open("ab") as file:
                file.truncate(sum(self._bytes(kind, record) for record in self.records))
        self._lines.write_text("".join(map(_line, self.records)), encoding="utf-8")

    def _dtype(self, kind: str, record: FrameRecord) -> np.dtype:
        return self._kinds[kind] if kind != "instances" or len(record.particles) > MAX_UINT16 else np.dtype(np.uint16)

    def _bytes(self, kind: str, record: FrameRecord) -> int:
        return record.shape[0] * record.shape[1] * self._dtype(kind, record).itemsize

    def _raw(self, kind: str) -> Path:
        return self._folder / f"{kind}.raw"

    @property
    def _lines(self) -> Path:
        return self._folder / "frames.jsonl"


class HeldFrame:
    """A single frame in memory, in place of a `FrameStore`: after a kill there is nothing to resume from.

    Args:
        kinds: Kinds of images.
    """

    def __init__(self, kinds: Iterable[str]) -> None:
        self._kinds, self._images = tuple(kinds), dict[str, np.ndarray]()
        self.records: list[FrameRecord] = []

    def append(self, record: FrameRecord, images: Mapping[str, np.ndarray]) -> None:
        """Add the frame, as for `FrameStore`."""
        self._images = {kind: images[kind] for kind in self._kinds}
        self.records.append(record)

    def images(self, kind: str) -> Iterator[np.ndarray]:
        """Yield the image of a kind."""
        yield self._images[kind]

    def truncate(self, count: int) -> None:
        """Drop the frame if `count` is 0."""
        del self.records[count:]

    def remove(self) -> None:
        """Drop the frame."""
        self.truncate(0)
        self._images = {}


def _line(record: FrameRecord) -> str:
    return _RECORD.dump_json(record).decode() + "\n"
