"""Write files atomically: no partly written file ever has its final name."""

import csv
import errno
import glob
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from tem_rf.errors import DiskFullError, NameTooLongError, StorageError
from tem_rf.locks import lock as lock_file

DAMAGED_NPZ = (OSError, ValueError, EOFError, KeyError, TypeError, MemoryError, RuntimeError, zipfile.BadZipFile)
"""Exceptions that a damaged NPZ file can cause. One flipped bit can make it look encrypted, a RuntimeError."""

_GONE_DISK = (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ETIMEDOUT)
_UNFINISHED = ".unfinished"  # suffix of folders that are being written


def parse_json(text: str | bytes) -> Any:
    """Parse JSON; any error in it is a ValueError.

    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    ValueError: nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_small_file(path: Path, max_bytes: int) -> bytes:
    """The content of a regular file of bounded size; a device or pipe, which may have no end, is refused.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no regular file, or too large.
    """
    if path.exists() and not path.is_file():
        raise ValueError("is no regular file")
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"has {path.stat().st_size} bytes, expected at most {max_bytes}")
    return content


def readable(path: Path | str) -> str:
    r"""A path as text that can be written anywhere: bytes that are not valid UTF-8 are escaped.

    >>> readable(os.fsdecode(b"\xb5m.tif"))
    '\\xb5m.tif'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def no_folder(path: Path, expected: str) -> str:
    """Return why a path is not the folder that was expected, with what to give instead.

    Args:
        path: The path, which is not a folder.
        expected: What the folder is, with its article.
    """
    if path.exists():
        return f"{path}: is a file; expected {expected}."
    return f"{path}: no such folder; expected {expected}, check the path."


def refuse_compressed(file: BinaryIO) -> None:
    """Reject an NPZ file with compressed arrays, since a few bytes could unpack to any size. Ours never have any.

    Raises:
        ValueError: An array is compressed.
        BadZipFile: It is not an NPZ file.
    """
    with zipfile.ZipFile(file) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("its arrays are compressed")
    file.seek(0)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to, and rename it to `path` at the end. Remove it on any failure.

    Raises:
        DiskFullError: The disk is full.
        StorageError: The location is not writable.
    """
    path = Path(path)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            beside.chmod(0o666 & ~_umask())
            _synchronize(beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path` to fill. It replaces `path` at the end, and is removed on failure.

    Leftovers of killed processes that wrote the same folder are removed at the end, too.

    Raises:
        DiskFullError: The disk is full.
        StorageError: The location is not writable, or is in use as the current folder or a mount point.
    """
    path = Path(path).resolve()
    here = Path.cwd()
    if path in (here, *here.parents) or path.is_mount():
        raise StorageError(
            f"{path}: contains the current folder or is a mount point, so it cannot be replaced; "
            "choose another folder, for example one inside it."
        )
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _unfinished_folder(path) as beside:
            yield beside
            beside.chmod(0o777 & ~_umask())
            if path.exists():
                with _unfinished_folder(path) as retired:
                    _exchange(path, beside, retired / "old")
            else:
                beside.replace(path)
        _remove_leftover_folders(path)


@contextmanager
def _unfinished_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path`, locked, and removed at the end. The lock tells it from leftovers."""
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED))
    with ExitStack() as opened:
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        with suppress(OSError):  # a file system without locks, or Windows: there, no leftovers are removed
            handle = os.open(folder, os.O_RDONLY)
            opened.callback(os.close, handle)
            lock_file(handle)
        yield folder


def _exchange(path: Path, new: Path, old: Path) -> None:
    """Rename twice: a reader sees the old folder, none for an instant, or the new one, but never a mixture."""
    path.replace(old)
    try:
        new.replace(path)
    except OSError:
        old.replace(path)
        raise


def _remove_leftover_folders(path: Path) -> None:
    for folder in path.parent.glob(f".{glob.escape(path.name)}.????????{_UNFINISHED}"):
        with suppress(OSError):  # another process is writing it, or has just removed it
            handle = os.open(folder, os.O_RDONLY)
            try:
                if lock_file(handle):
                    shutil.rmtree(folder)
            finally:
                os.close(handle)


@contextmanager
def sole_writer(lock: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[bool]:
    """Hold a lock while the block runs. The operating system releases it when the process ends, even if it is killed.

    Args:
        lock: The lock file, which exists while the lock is held.
        on_wait: Called before waiting for another process to release the lock.

    Yields:
        Whether another process held the lock.

    Raises:
        StorageError: The location is not writable.
    """
    with storage_errors(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        file, has_waited = _lock(lock, on_wait)
    with file:
        try:
            yield has_waited
        finally:
            with suppress(PermissionError):  # Windows does not remove an open file; an unlocked one is harmless
                lock.unlink(missing_ok=True)


def _lock(path: Path, on_wait: Callable[[], None]) -> tuple[BinaryIO, bool]:
    has_waited = False
    while True:
        file = path.open("ab")
        try:
            if not lock_file(file):
                if not has_waited:
                    on_wait()
                has_waited = True
                lock_file(file, wait=True)
        except OSError:  # a file system without locks; `tem-rf doctor` warns about it
            return file, has_waited
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file, has_waited
        file.close()  # the previous holder has removed the file, and another process may hold its successor


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically. Bytes of file names that are not valid UTF-8 become escapes, as in JSON."""
    with replacing_file(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, content: Any, *, indent: int | None = 1) -> None:
    """Write JSON atomically, indented or in one line. NaN is rejected, since JSON does not have it."""
    write_text(path, json.dumps(content, indent=indent, allow_nan=False, ensure_ascii=False) + "\n")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a table atomically: floats with six digits, None as an empty cell."""
    with replacing_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({name: f"{one:.6g}" if isinstance(one, float) else one for name, one in row.items()})


def make_writable(folder: Path) -> None:
    """Create a folder and check that files can be written into it, before a long computation starts.

    Raises:
        DiskFullError: The disk is full.
        StorageError: The location is not writable.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def remove_leftovers(folder: Path, name: str) -> None:
    """Remove temporary files that killed processes left beside a file. Only for the sole writer of the file.

    Args:
        folder: Folder of the file.
        name: Name of the file; a star matches any stem.
    """
    stem, suffix = Path(name).stem, Path(name).suffix
    for leftover in folder.glob(f".{stem}.????????{suffix}"):  # as `replacing_file` names them
        leftover.unlink(missing_ok=True)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into clear messages about why a file cannot be written.

    Raises:
        DiskFullError: The disk is full.
        NameTooLongError: The name is too long for the file system.
        StorageError: The location is not writable, a file is larger than allowed, or the disk does not answer.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise NameTooLongError(
                f"{path}: this name, or the name of a file made from it, is too long for the file system; "
                "shorten the name."
            ) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or _is_short_write(error):
            raise DiskFullError(
                f"{path}: no space left on the disk; the file was not written. "
                "Free some space or choose another folder, then run the same command again."
            ) from error
        if error.errno == errno.EFBIG:
            raise StorageError(
                f"{path}: became larger than its file system, or a limit of this account (`ulimit -f`), allows; "
                "choose a folder on another disk, or raise the limit."
            ) from error
        if error.errno in _GONE_DISK and error.filename is None:
            raise StorageError(
                f"{path}: cannot be written to ({error.strerror}); check the disk or the connection to it, then run "
                "the same command again."
            ) from error
        if _is_about(error, path):
            raise StorageError(f"{path}: cannot be written to ({error.strerror}); choose another folder.") from error
        raise


def _is_about(error: OSError, path: Path) -> bool:
    """Whether the location itself is the cause: no permission, a file in place of a folder, or a name too long."""
    if not isinstance(error.filename, str | bytes):  # the file was already open
        return error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    named, path = Path(os.fsdecode(error.filename)).absolute(), path.absolute()
    return (
        named in (path, *path.parents)
        or named.parent == path.parent
        or path in named.parents
        or any(folder.parent == path.parent and folder.suffix == _UNFINISHED for folder in named.parents)
    )


def _is_short_write(error: OSError) -> bool:
    """Whether NumPy wrote less than requested: on a full disk `ndarray.tofile` gives no error number."""
    return error.errno is None and "requested and" in str(error)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _synchronize(path: Path) -> None:
    with path.open("r+b") as file:  # Windows writes only through a file that is open for writing
        os.fsync(file.fileno())
