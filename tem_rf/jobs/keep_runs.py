"""Rename, archive, restore and delete runs, unless they are training or waiting in the queue."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tem_rf.errors import RunError
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.runs import keeping
from tem_rf.runs.folder import RunFolder

T = TypeVar("T")


def rename_run(run: RunFolder, name: str) -> RunFolder:
    """Give a run another name.

    Raises:
        RunError: The name is not possible or taken, the run is training or waiting, or it belongs to a study.
        StorageError: The folder cannot be moved.
    """
    _check_is_not_waiting(run, "renamed")
    return keeping.rename_run(run, name)


def archive_runs(runs: Sequence[RunFolder]) -> list[RunFolder]:
    """Move runs to the archive of their folder.

    Raises:
        RunError: A run is training or waiting, belongs to a study, or has a namesake in the archive; those before it
            are archived.
        StorageError: A folder cannot be moved.
    """
    return _each(runs, "archived", keeping.archive_run)


def restore_runs(names: Sequence[str], root: Path) -> list[RunFolder]:
    """Move runs back from the archive.

    Args:
        names: Names of archived runs.
        root: Folder of the runs.

    Raises:
        RunError: A run is not in the archive, or the folder has another run of its name.
        StorageError: A folder cannot be moved.
    """
    runs = [RunFolder(root / keeping.ARCHIVE / name) for name in names]
    for run in runs:
        if not run.config_file.exists():
            raise RunError(f"{run.path}: no such run in the archive.")
    return [keeping.restore_run(run) for run in runs]


def check_can_be_deleted(runs: Sequence[RunFolder]) -> None:
    """Check before anyone is asked whether to delete runs.

    Raises:
        RunError: A run is training or waiting, or belongs to a study.
    """
    _check(runs, "deleted")


def delete_runs(runs: Sequence[RunFolder]) -> None:
    """Delete runs with everything in their folders.

    Raises:
        RunError: A run is training or waiting, or belongs to a study; no run was deleted if the first check found it.
        StorageError: A folder cannot be deleted.
    """
    _each(runs, "deleted", keeping.delete_run)


def _each(runs: Sequence[RunFolder], done: str, action: Callable[[RunFolder], T]) -> list[T]:
    _check(runs, done)
    return [action(run) for run in runs]


def _check(runs: Sequence[RunFolder], done: str) -> None:
    for run in runs:
        _check_is_not_waiting(run, done)
        keeping.check_is_free(run, done)


def _check_is_not_waiting(run: RunFolder, done: str) -> None:
    queue = TrainingQueue.of(run.path.parent)
    if queue.holds(run):
        raise RunError(
            f"{run.path}: is waiting in the queue, so it is not {done}; "
            f"remove it first with `tem-rf queue remove {run.name}`."
        )
