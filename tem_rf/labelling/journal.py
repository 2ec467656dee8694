"""The journal of a label file: where it started, and every step since, one line each, never rewritten."""

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from tem_rf.data.names import journal_of
from tem_rf.errors import DiskFullError, LabelChangedError, ReadError
from tem_rf.files import parse_json, storage_errors
from tem_rf.labelling.step_codec import pack_pixels, unpack_pixels
from tem_rf.locks import lock

_VERSION = 1
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)  # Windows would write two bytes per line end


def has_journal(label_file: Path) -> bool:
    """Whether there is a journal of a label file to resume."""
    try:
        with journal_of(label_file).open("rb") as file:
            return file.readline().endswith(b"\n")
    except FileNotFoundError:
        return False


@dataclass
class History:
    """What a journal says.

    Attributes:
        start: (height, width) int32 instance numbers before the first step.
        source: What they were read from.
        done: Steps that were made and not undone, as packed by `step_codec`.
        undone: Steps that were undone and can be made again, the next one last.
        file_sha256: Checksum of the label file when it was last read or written; None: there was none.
        exports: Checksums of the files for other programs beside it when they were last read or written, by name.
        saved_steps: Number of steps done when the file was last read or written; -1: they have been undone since.
    """

    start: np.ndarray
    source: str
    done: list[dict[str, Any]] = field(default_factory=list)
    undone: list[dict[str, Any]] = field(default_factory=list)
    file_sha256: str | None = None
    exports: dict[str, str] = field(default_factory=dict)
    saved_steps: int = 0

    @property
    def is_saved(self) -> bool:
        """Whether the label file has all steps."""
        return self.file_sha256 is not None and self.saved_steps == len(self.done)

    def take(self, record: dict[str, Any]) -> None:
        """Follow one line.

        Raises:
            ValueError: It is none.
        """
        self.exports |= record.get("exports", {})
        if "do" in record:
            if len(self.done) < self.saved_steps:
                self.saved_steps = -1
            self.done.append(record["do"])
            self.undone.clear()
        elif "undo" in record and self.done:
            self.undone.append(self.done.pop())
        elif "redo" in record and self.undone:
            self.done.append(self.undone.pop())
        elif "file" in record:
            self.file_sha256 = record["file"]
            self.saved_steps = len(self.done) if record["is_saved"] else -1
        elif "exports" not in record:
            raise ValueError("no step")


class Journal:
    """An open journal, locked for this process; every line is on its way to the disk before its step is made.

    Use `create` or `resume`.
    """

    def __init__(self, path: Path, history: History, descriptor: int) -> None:
        self.path = path
        self.history = history
        self._descriptor = descriptor

    @classmethod
    def create(cls, path: Path, start: np.ndarray, source: str, file_sha256: str | None) -> Self:
        """Start a journal.

        Args:
            path: The file.
            start: (height, width) int32 instance numbers.
            source: What they were read from.
            file_sha256: Checksum of the label file; None: there is none.

        Raises:
            LabelChangedError: Another process has it open.
            StorageError: The disk is full or the folder is not writable.
        """
        descriptor = _open(path)
        os.ftruncate(descriptor, 0)  # the head of a journal whose process was killed before any step
        journal = cls(path, History(start, source, file_sha256=file_sha256), descriptor)
        head = {
            "version": _VERSION,
            "shape": list(start.shape),
            "source": source,
            "file": file_sha256,
            "start": pack_pixels(start),
        }
        try:
            journal._write(head)
        except BaseException:
            path.unlink(missing_ok=True)
            journal.close()
            raise
        return journal

    @classmethod
    def resume(cls, path: Path, shape: tuple[int, int]) -> Self:
        """Open a journal; a line that was cut by a kill or a full disk is dropped.

        Args:
            path: The file.
            shape: Height and width of the micrograph.

        Raises:
            LabelChangedError: Another process has it open.
            ReadError: It is damaged, or is the journal of an image of another size.
        """
        descriptor = _open(path)
        try:
            lines = path.read_bytes().split(b"\n")
            history = _history(path, lines[:-1], shape)
            if lines[-1]:
                os.truncate(path, sum(len(line) + 1 for line in lines[:-1]))
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, history, descriptor)

    def append(self, record: dict[str, Any]) -> None:
        """Write one line and follow it.

        Raises:
            DiskFullError: The disk is full; the journal is as before.
            StorageError: The location is not writable.
        """
        self._write(record)
        self.history.take(record)

    def close(self) -> None:
        """Release the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, record: dict[str, Any]) -> None:
        line = json.dumps({"time": round(time.time(), 3), **record}).encode("ascii") + b"\n"
        end = os.fstat(self._descriptor).st_size
        try:
            with storage_errors(self.path):
                left = memoryview(line)
                while left:
                    left = left[os.write(self._descriptor, left) :]
        except DiskFullError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, end)
            raise DiskFullError(
                f"{self.path}: no space left on the disk; this step was not made, all earlier ones are kept. "
                "Free some space, then repeat it."
            ) from error
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self._descriptor, end)
            raise


def _open(path: Path) -> int:
    with storage_errors(path):
        descriptor = os.open(path, _FLAGS, 0o666)
    is_ours = True
    with suppress(OSError):  # a file system without locks; `tem-rf doctor` warns about it
        is_ours = lock(descriptor)
    if not is_ours:
        os.close(descriptor)
        raise LabelChangedError(
            f"{path}: another tem-rf is editing this label; close it there, or give another file with `labels`."
        )
    return descriptor


def _history(path: Path, lines: list[bytes], shape: tuple[int, int]) -> History:
    advice = "rename it to keep it; the label file is then opened without its earlier steps"
    if not lines:
        raise ReadError(f"{path}: is empty; remove it.")
    try:
        head = parse_json(lines[0])
        recorded = tuple(head["shape"])
        if head["version"] != _VERSION:
            raise ReadError(f"{path}: has version {head['version']}, expected {_VERSION}; {advice}.")
        if recorded != shape:
            raise ReadError(
                f"{path}: its steps were made on a micrograph of {recorded[1]} x {recorded[0]} px, but this one is "
                f"{shape[1]} x {shape[0]} px (width x height); {advice}."
            )
        history = History(unpack_pixels(head["start"], shape), str(head["source"]), file_sha256=head["file"])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ReadError(f"{path}: its first line is damaged ({error}); {advice}.") from error
    for number, line in enumerate(lines[1:], start=2):
        try:
            history.take(parse_json(line))
        except (KeyError, TypeError, ValueError) as error:
            raise ReadError(f"{path}: line {number} is damaged ({error}); {advice}.") from error
    return history
