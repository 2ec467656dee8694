"""Which micrographs of a folder are complete, while other programs still write to it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tem_rf.data.formats import whole_file
from tem_rf.data.pairing import micrographs_so_far
from tem_rf.data.readers import open_recording
from tem_rf.errors import ReadError, TemRfError

_END_BYTES = 4096  # headers, and the end of a file whose size is reserved before it is written
_BRIEF_REST_S = 0.25
# Their headers say how much the file holds; programs that are not known may still write to others.
_SUFFIXES_WITH_SIZE = (".tif", ".tiff", ".mrc", ".mrcs", ".npy")


@dataclass(frozen=True)
class _Look:
    """What a file looks like: size, time of change [ns], and its first and last bytes."""

    size: int
    changed_ns: int
    ends: bytes = b""


class Arrivals:
    """Micrographs in folders, by whether they are complete.

    A file is complete once size, time of change, first and last bytes have been the same for a time: a quarter of a
    second if it holds all that its header claims. Folders are polled, because network file systems do not report
    changes made by other machines. A file that was taken appears again when it changes.

    Args:
        folders: Folders to watch.
        settle_s: How long a file must be unchanged if its header does not tell whether it is complete [s].
    """

    def __init__(self, folders: Sequence[Path], settle_s: float) -> None:
        self._folders, self._settle_s = folders, settle_s
        self._waiting: dict[Path, tuple[_Look, float, float]] = {}  # look, time of the first such look, rest needed
        self._taken: dict[Path, _Look] = {}
        self._present: set[Path] = set()

    @property
    def waiting(self) -> int:
        """Number of files that are not complete, or not taken yet."""
        return len(self._waiting)

    def poll(self, now_s: float) -> list[Path]:
        """Look at all files, and return the complete ones that were not taken, oldest first.

        Args:
            now_s: Time on any clock that never goes back [s].

        Raises:
            ReadError: A folder is gone or cannot be listed.
        """
        self._present = present = {path for folder in self._folders for path in _micrographs(folder)}
        for known in (self._waiting, self._taken):
            for path in known.keys() - present:
                del known[path]
        complete = []
        for path in sorted(present):
            if self._is_as_taken(path):
                continue
            look = _look(path)
            if look is None:
                self._waiting.pop(path, None)
                continue
            before = self._waiting.get(path)
            if before is None or before[0] != look:
                rest_s = min(_BRIEF_REST_S, self._settle_s) if _holds_what_it_claims(path, look) else self._settle_s
                self._waiting[path] = (look, now_s, rest_s)
            elif now_s - before[1] >= before[2]:
                complete.append(path)
        return sorted(complete, key=lambda path: (self._waiting[path][0].changed_ns, path))

    def take(self, path: Path) -> bool:
        """Take a complete file; False if it has changed since `poll`, so that it must be waited for again."""
        look, _, _ = self._waiting[path]
        if _look(path) != look:
            return False
        self._taken[path] = look
        del self._waiting[path]
        return True

    def has_changed(self, path: Path) -> bool:
        """Whether a file has changed, or gone, since it was taken."""
        return _look(path) != self._taken[path]

    def is_present(self, path: Path) -> bool:
        """Whether a file was in its folder at the last poll."""
        return path in self._present

    def forget(self, path: Path) -> None:
        """Let a file that was taken appear again."""
        self._taken.pop(path, None)

    def _is_as_taken(self, path: Path) -> bool:
        taken = self._taken.get(path)
        if taken is None:
            return False
        now = _look(path, ends=False)
        return now is not None and (now.size, now.changed_ns) == (taken.size, taken.changed_ns)


def _micrographs(folder: Path) -> list[Path]:
    try:
        if folder.is_dir():
            return micrographs_so_far(folder)
        reason = "is gone (deleted, renamed or unmounted)"
    except OSError as error:
        reason = (
            f"cannot be listed ({error.strerror})" if folder.is_dir() else "is gone (deleted, renamed or unmounted)"
        )
    raise ReadError(f"{folder}: the folder that is followed {reason}; run the same command again once it is back.")


def _holds_what_it_claims(path: Path, look: _Look) -> bool:
    """Whether all images that the header of a file claims are in it; False if that is not known.

    A file that ends with zeros may have been reserved before it is written, and one with remarks may be damaged.
    """
    suffix, last = path.suffix.lower(), look.ends[-_END_BYTES:]
    if suffix not in (*_SUFFIXES_WITH_SIZE, *whole_file.SUFFIXES) or not any(last):
        return False
    try:
        if suffix in whole_file.SUFFIXES:
            return whole_file.is_whole(path, look.ends[:_END_BYTES], last, look.size)
        with open_recording(path) as recording:
            return recording.count > 0 and not (recording.notes or recording.remarks)
    except (TemRfError, OSError):
        return False


def _look(path: Path, *, ends: bool = True) -> _Look | None:
    """Return what a file looks like; None if it is gone. A folder of chunks looks like all of its files."""
    try:
        if path.is_dir():
            inside = [file.stat() for file in path.rglob("*")]
            newest = max((status.st_mtime_ns for status in inside), default=0)
            return _Look(sum(status.st_size for status in inside), newest)
        if not ends:
            status = path.stat()
            return _Look(status.st_size, status.st_mtime_ns)
        with path.open("rb") as file:  # opening makes a network file system ask the server for the size
            status = os.fstat(file.fileno())
            first = file.read(_END_BYTES)
            file.seek(max(0, status.st_size - _END_BYTES))
            return _Look(status.st_size, status.st_mtime_ns, first + file.read(_END_BYTES))
    except FileNotFoundError:
        return None
    except OSError:
        return _Look(-1, 0)  # it cannot be opened; once it is taken, the reader reports why
