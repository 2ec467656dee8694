"""The process that trains a run: one at a time, seen from outside, asked to stop or pause."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal

from tem_rf.errors import RunError
from tem_rf.files import write_json
from tem_rf.runs.events import State, StatusEvent
from tem_rf.runs.folder import RunFolder, read_run_json

Request = Literal["stop", "pause"]


@contextmanager
def claim(run: RunFolder) -> Iterator[None]:
    """Own a run for as long as the block lasts; the lock goes with the process, however it ends.

    Raises:
        RunError: Another process trains this run.
    """
    import psutil

    with run.lock_file.open("ab") as lock:
        if not _lock(lock):
            raise RunError(
                f"{run.path}: {_owner(run)} is training this run; watch it with `tem-rf watch {run.name}` "
                f"or end it with `tem-rf stop {run.name}`."
            )
        run.request_file.unlink(missing_ok=True)  # a request to an earlier process
        run.remove_leftovers()
        me = psutil.Process()
        write_json(
            run.process_file,
            {"pid": me.pid, "create_time": me.create_time(), "host": socket.gethostname(), "command": sys.argv},
        )
        yield


def is_alive(run: RunFolder) -> bool:
    """Whether a process owns the run; for a process on another host, what its lock says."""
    if not run.lock_file.exists():
        return False
    with run.lock_file.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def state(run: RunFolder) -> State | Literal["killed", "new"]:
    """State of a run: the last status event, and `killed` where it should be alive and is not."""
    last = next((event.state for event in reversed(run.events()) if isinstance(event, StatusEvent)), None)
    return state_after(last, run)


def state_after(last: State | None, run: RunFolder) -> State | Literal["killed", "new"]:
    """State of a run whose last status event is known: what `state` says, without reading the events."""
    if last is None:
        return "starting" if is_alive(run) else "new"
    if last in ("starting", "running", "paused") and not is_alive(run):
        return "killed"
    return last


def ask(run: RunFolder, request: Request) -> None:
    """Ask the running process for something; it obeys after the step in hand.

    Raises:
        RunError: No process trains this run.
    """
    if not is_alive(run):
        raise RunError(f"{run.path}: no process is training this run (it is {state(run)}).")
    write_json(run.request_file, {"request": request})


def withdraw(run: RunFolder) -> None:
    """Take the request back, so that a paused run goes on."""
    run.request_file.unlink(missing_ok=True)


def requested(run: RunFolder) -> Request | None:
    """What is asked of the running process."""
    try:
        return json.loads(run.request_file.read_text(encoding="utf-8"))["request"]
    except (FileNotFoundError, ValueError, KeyError):
        return None


def start_detached(run: RunFolder) -> int:
    """Start the training in a process of its own session, which closing the terminal does not end.

    Returns:
        The process id.
    """
    with run.log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tem_rf", "resume", str(run.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    return process.pid


def _lock(file: BinaryIO) -> bool:
    # `is_alive` of an onlooker holds the lock for an instant: that is no owner, so ask a few times.
    for _ in range(10):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            time.sleep(0.05)
    return False


def _owner(run: RunFolder) -> str:
    try:
        process = read_run_json(run.process_file)
        return f"process {process['pid']} on {process['host']}"
    except (RunError, KeyError):
        return "another process"
