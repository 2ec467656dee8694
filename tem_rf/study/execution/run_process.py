"""Train a run on a worker in a fresh process, which is killed with the worker and when the run is cancelled."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tem_rf.platforms import end_session
from tem_rf.runs import process
from tem_rf.runs.folder import RunFolder
from tem_rf.study.execution import bound_process
from tem_rf.study.execution.pool import RunOutcome, RunTask

BUSY_WAIT_S = 10.0  # a process of a worker that was lost is killed within this time
POLL_S = 0.2


def train_in_own_process(task: RunTask, worker: str) -> RunOutcome:
    """Train a run in a separate process; called on a worker, where it blocks until that process has ended.

    Args:
        task: The run and its command.
        worker: Name of this worker.
    """
    child = _Child(task)
    _children.append(child)
    try:
        if owner := _wait_until_free(child):
            return RunOutcome(task.run, "busy", worker, owner)
        log_start = _size(RunFolder(task.run).log_file)
        exit_code = None if child.is_cancelled else child.run()
    finally:
        _children.remove(child)
    if child.is_cancelled:
        return RunOutcome(task.run, "cancelled", worker)
    if exit_code == 0:
        return RunOutcome(task.run, "finished", worker)
    return RunOutcome(task.run, "failed", worker, _what_happened(task.run, exit_code, log_start))


def kill_run(run: Path) -> None:
    """Kill the process of a run, if this worker has it."""
    for child in _children:
        if child.task.run == run:
            child.cancel()


@dataclass(eq=False)
class _Child:
    """The process of a run, from before it starts until it has ended."""

    task: RunTask
    process: subprocess.Popen[bytes] | None = None
    is_cancelled: bool = False

    def run(self) -> int:
        with RunFolder(self.task.run).log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", bound_process.__file__, str(os.getpid()), *self.task.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal of the driver is for the driver
                env=_environment(),
            )
        if self.is_cancelled:  # while it started
            self.cancel()
        return self.process.wait()

    def cancel(self) -> None:
        self.is_cancelled = True
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                end_session(self.process.pid, at_once=True)


_children: list[_Child] = []


def _wait_until_free(child: _Child) -> str:
    """Wait for a process that still owns the run; return its description if it does not end in time."""
    folder = RunFolder(child.task.run)
    deadline = time.monotonic() + BUSY_WAIT_S
    while process.is_alive(folder) and not child.is_cancelled:
        if time.monotonic() > deadline:
            return f"{process.owner(folder)} is training this run"
        time.sleep(POLL_S)
    return ""


def _environment() -> dict[str, str]:
    """Return the worker's environment without Dask's thread limits, so that a run is as fast as outside Dask."""
    import dask

    limits = dask.config.get("distributed.nanny.pre-spawn-environ", {})
    kept = {name: value for name, value in os.environ.items() if value != str(limits.get(name))}
    return {**kept, "PYTHONUNBUFFERED": "1", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def _what_happened(run: Path, exit_code: int | None, log_start: int) -> str:
    """Return why a process ended early: the last line it printed, or the signal that killed it."""
    if exit_code is not None and exit_code < 0:
        return f"its process was killed by {signal.Signals(-exit_code).name}"
    with RunFolder(run).log_file.open("rb") as log:
        log.seek(log_start)
        lines = log.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last.removeprefix("tem-rf: ") or f"its process ended with exit code {exit_code}"


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
