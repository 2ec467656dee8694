"""Rename, archive, restore and delete runs; never one that has a process."""

import re
import shutil
import tempfile
from pathlib import Path

from tem_rf.errors import RunError, StorageError
from tem_rf.runs import process
from tem_rf.runs.folder import RunFolder

ARCHIVE = "archive"
"""Folder of the archived runs, in the folder of the runs; lists leave it out."""

_NAME = re.compile(r"[\w+-][\w.+-]*")
_TRASH_PREFIX = ".deleted-"


def rename_run(run: RunFolder, name: str) -> RunFolder:
    """Give a run another name.

    Raises:
        RunError: The name is not possible or taken, a process is training the run, or it belongs to a study.
        StorageError: The folder cannot be moved.
    """
    if not _NAME.fullmatch(name) or name == ARCHIVE:
        raise RunError(f"{name!r}: is not possible as the name of a run; use letters, digits and . _ + -")
    check_is_free(run, "renamed")
    return _move(run, run.path.parent / name)


def archive_run(run: RunFolder) -> RunFolder:
    """Move a run to the archive beside it, which keeps everything but leaves it out of lists and tables.

    Raises:
        RunError: A process is training the run, it belongs to a study, or the archive has a run of this name.
        StorageError: The folder cannot be moved.
    """
    check_is_free(run, "archived")
    return _move(run, run.path.parent / ARCHIVE / run.name)


def restore_run(run: RunFolder) -> RunFolder:
    """Move a run back from the archive.

    Raises:
        RunError: There is another run of this name, or the run is not in an archive.
        StorageError: The folder cannot be moved.
    """
    if run.path.parent.name != ARCHIVE:
        raise RunError(f"{run.path}: is not archived.")
    return _move(run, run.path.parent.parent / run.name)


def delete_run(run: RunFolder) -> None:
    """Delete a run with its checkpoints, network, scores and masks.

    Raises:
        RunError: A process is training the run, it belongs to a study, or the folder contains no run.
        StorageError: The folder cannot be deleted.
    """
    if not run.config_file.exists():
        raise RunError(f"{run.path}: contains no run, so it was not deleted.")
    check_is_free(run, "deleted")
    try:
        trash = Path(tempfile.mkdtemp(prefix=_TRASH_PREFIX, dir=run.path.parent))
        run.path.rename(trash / run.name)  # it vanishes at once, and never half
        shutil.rmtree(trash)
    except OSError as error:
        raise StorageError(f"{run.path}: cannot be deleted ({error.strerror}).") from error


def check_is_free(run: RunFolder, done: str) -> None:
    """Check that no process and no study depends on the folder of a run.

    Args:
        run: The run.
        done: What is about to happen to it, for the message: "deleted".

    Raises:
        RunError: A process is training it, or it belongs to a study.
    """
    if process.has_process(run):
        raise RunError(
            f"{run.path}: {process.owner(run)} is {run.activity}, so it is not {done}; stop it first with "
            f"`{run.stop_command}`."
        )
    if (run.path.parent.parent / "study.toml").exists():
        raise RunError(f"{run.path}: belongs to the study {run.path.parent.parent.name}, so it is not {done}.")


def _move(run: RunFolder, target: Path) -> RunFolder:
    if target.exists():
        raise RunError(f"{target}: already exists; choose another `name`.")
    try:
        target.parent.mkdir(exist_ok=True)
        run.path.rename(target)
    except OSError as error:
        raise StorageError(f"{run.path}: cannot be moved to {target} ({error.strerror}).") from error
    return RunFolder(target)
