"""Write files so that nothing half-written ever stands under a final name."""

import errno
import fcntl
import glob
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from tem_rf.errors import DiskFullError, NameTooLongError, StorageError

DAMAGED_NPZ = (OSError, ValueError, EOFError, KeyError, TypeError, MemoryError, RuntimeError, zipfile.BadZipFile)
"""What reading a damaged NPZ file may raise; one flipped bit makes it seem encrypted, which is a RuntimeError."""

_UNFINISHED = ".unfinished"  # ends the names of folders that are being written


def parse_json(text: str | bytes) -> Any:
    """Parse JSON; whatever is wrong with it is a ValueError.

    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    ValueError: nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def readable(path: Path | str) -> str:
    r"""A path as text that can be written anywhere: bytes in it that are no UTF-8 are shown as such.

    >>> readable(os.fsdecode(b"\xb5m.tif"))
    '\\xb5m.tif'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def refuse_compressed(file: BinaryIO) -> None:
    """Refuse an NPZ file with compressed arrays, which ours never have: a few bytes could unpack to any size.

    Raises:
        ValueError: Some are.
        BadZipFile: It is no NPZ file.
    """
    with zipfile.ZipFile(file) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("its arrays are compressed")
    file.seek(0)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it to `path` at the end, or remove it on any failure.

    Raises:
        DiskFullError: There is no room on the disk.
        StorageError: The place cannot be written to.
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
    """Give a new folder beside `path` to fill; it takes the place of `path` at the end, or is removed.

    What killed writers of the same folder left beside it goes at the end, too.

    Raises:
        DiskFullError: There is no room on the disk.
        StorageError: The place cannot be written to, or is in use as the current folder or a mount point.
    """
    path = Path(path).resolve()
    here = Path.cwd()
    if path in (here, *here.parents) or path.is_mount():
        raise StorageError(
            f"{path}: holds the current folder or is a mount point, and cannot be replaced; choose another folder, "
            "one inside it for example."
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
    """A hidden folder beside `path`, locked and then removed; the lock tells it from what a killed writer left."""
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED))
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks: there nobody removes what others left
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _exchange(path: Path, new: Path, old: Path) -> None:
    """Two renames: a reader sees the old folder, none for an instant, or the new one; never a mixture."""
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
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(handle)


@contextmanager
def sole_writer(lock: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[bool]:
    """Hold a lock for as long as the block lasts; it goes with the process, however that ends.

    Args:
        lock: Its file, which is there while it is held.
        on_wait: Called where another process holds it; then that is waited for.

    Yields:
        Whether another process held it.

    Raises:
        StorageError: The place cannot be written to.
    """
    with storage_errors(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        file, has_waited = _lock(lock, on_wait)
    with file:
        try:
            yield has_waited
        finally:
            lock.unlink(missing_ok=True)


def _lock(path: Path, on_wait: Callable[[], None]) -> tuple[BinaryIO, bool]:
    has_waited = False
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not has_waited:
                on_wait()
            has_waited = True
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # a file system without locks, of which `tem-rf doctor` warns
            return file, has_waited
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file, has_waited
        file.close()  # who held it has removed it, and another may hold its successor


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all; bytes of file names that are no UTF-8 become escapes, as in JSON."""
    with replacing_file(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, content: Any) -> None:
    """Write JSON, indented for people, whole or not at all; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def make_writable(folder: Path) -> None:
    """Make a folder, and see that files can be written into it, before something long is begun.

    Raises:
        DiskFullError: There is no room on the disk.
        StorageError: The place cannot be written to.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def remove_leftovers(folder: Path, name: str) -> None:
    """Remove what killed writers left beside a file; for whoever is its only writer.

    Args:
        folder: Folder of the file.
        name: Name of the file; a star stands for any stem.
    """
    stem, suffix = Path(name).stem, Path(name).suffix
    for leftover in folder.glob(f".{stem}.????????{suffix}"):  # as `replacing_file` names them
        leftover.unlink(missing_ok=True)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Say in words what keeps a file from being written.

    Raises:
        DiskFullError: There is no room on the disk.
        NameTooLongError: The file system does not allow so long a name.
        StorageError: The place cannot be written to.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise NameTooLongError(
                f"{path}: this name, or that of a file made from it, is too long for the file system; shorten the name."
            ) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or _is_short_write(error):
            raise DiskFullError(
                f"{path}: no space left on the disk; nothing was written under this name. "
                "Free some space or choose another folder, then run the same command again."
            ) from error
        if _is_about(error, path):
            raise StorageError(
                f"{path}: this place cannot be written to ({error.strerror}); choose another folder."
            ) from error
        raise


def _is_about(error: OSError, path: Path) -> bool:
    """Whether the place itself cannot be: no permission, a file where a folder should be, a name too long."""
    if not isinstance(error.filename, str | bytes):  # of a file that was open already
        return error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    named, path = Path(os.fsdecode(error.filename)).absolute(), path.absolute()
    return (
        named in (path, *path.parents)
        or named.parent == path.parent
        or path in named.parents
        or any(folder.parent == path.parent and folder.suffix == _UNFINISHED for folder in named.parents)
    )


def _is_short_write(error: OSError) -> bool:
    """Whether NumPy wrote less than it was to: on a full disk `ndarray.tofile` gives no error number."""
    return error.errno is None and "requested and" in str(error)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _synchronize(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
