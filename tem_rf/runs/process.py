"""The process that owns a run or study: only one at a time, visible to others, which can ask it to stop or pause."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Literal

from tem_rf.errors import RunError, StorageError, TemRfError
from tem_rf.files import storage_errors, write_json
from tem_rf.locks import lock as lock_file
from tem_rf.platforms import require_sessions
from tem_rf.runs.events import State, StatusEvent, last_status
from tem_rf.runs.owned_folder import OwnedFolder

Request = Literal["stop", "pause", "cancel"]


@contextmanager
def claim(folder: OwnedFolder) -> Iterator[None]:
    """Own a folder while the block runs. The lock is released when the process ends, even if it is killed.

    Raises:
        RunError: Another process is working in this folder.
        StorageError: The folder is not writable, or is on a file system without locks.
    """
    with storage_errors(folder.lock_file):
        file = folder.lock_file.open("ab")
    with file as lock:
        try:
            is_ours = _lock(lock)
        except OSError as error:
            raise StorageError(
                f"{folder.path}: files cannot be locked here ({error.strerror}), so a second process could damage the "
                "results; use a local disk, and see `tem-rf doctor`."
            ) from error
        if not is_ours:
            raise RunError(
                f"{folder.path}: {owner(folder)} is {folder.activity}; watch it with `{folder.watch_command}` "
                f"or stop it with `{folder.stop_command}`."
            )
        folder.request_file.unlink(missing_ok=True)  # a request to an earlier process
        folder.remove_leftovers()
        record_process(folder, os.getpid(), sys.argv)
        yield


def is_alive(folder: OwnedFolder) -> bool:
    """Whether a process owns the folder. For a process on another host, this is the state of its lock."""
    if not folder.lock_file.exists():
        return False
    with folder.lock_file.open("rb") as lock:
        try:
            return not lock_file(lock, is_shared=True)
        except OSError:  # the file system has no locks, or they fail at the moment
            return True


def has_process(folder: OwnedFolder) -> bool:
    """Whether a process works in the folder, or was started for it and has not claimed it yet."""
    about = read_process(folder)
    if about is None or about.host != socket.gethostname():
        return is_alive(folder)
    return is_alive(folder) or not has_ended(about.pid, about.create_time)


def state(folder: OwnedFolder) -> State | Literal["killed", "new"]:
    """State of a run or study: that of the last status event, or `killed` if its process ended without a reason."""
    return state_after(last_status(folder.events()), folder)


def state_after(status: StatusEvent | None, folder: OwnedFolder) -> State | Literal["killed", "new"]:
    """State of a folder whose last status event is known: the same as `state`, without reading the events."""
    if status is None:
        return "starting" if is_alive(folder) else "new"
    if status.state in ("starting", "running", "paused") and not is_alive(folder):
        return "killed"
    if status.state == "queued" and not is_alive(folder) and _is_gone(folder):
        return "killed"
    return status.state


def ask(folder: OwnedFolder, request: Request) -> None:
    """Send a request to the running process. It obeys as soon as possible: a training after the current step.

    Raises:
        RunError: No process is working in this folder.
    """
    if not is_alive(folder):
        raise RunError(f"{folder.path}: no process is {folder.activity} (it is {state(folder)}).")
    write_json(folder.request_file, {"request": request})


def clear_request(folder: OwnedFolder) -> None:
    """Withdraw the request, so that a paused run resumes."""
    folder.request_file.unlink(missing_ok=True)


def requested(folder: OwnedFolder) -> Request | None:
    """The current request to the running process."""
    try:
        return json.loads(folder.request_file.read_text(encoding="utf-8"))["request"]
    except (FileNotFoundError, ValueError, KeyError):
        return None


def owner(folder: OwnedFolder) -> str:
    """The current or last process that owned the folder, for messages."""
    about = read_process(folder)
    return f"process {about.pid} on {about.host}" if about else "another process"


def mark_queued(folder: OwnedFolder) -> None:
    """Record that the folder is waiting for its process, before the process is started and recorded."""
    folder.process_file.unlink(missing_ok=True)  # of an earlier process, which says nothing about this one
    folder.event_log().write(StatusEvent(state="queued"))


def record_process(folder: OwnedFolder, pid: int, command: Sequence[str]) -> None:
    """Record the process that works in a folder or is about to. Once it is gone, the folder is no longer queued."""
    import psutil

    about = {"pid": pid, "create_time": psutil.Process(pid).create_time(), "host": socket.gethostname()}
    write_json(folder.process_file, {**about, "command": [*command]})


@contextmanager
def failure_in_events(folder: OwnedFolder) -> Iterator[None]:
    """Report failed checks in the events of a queued folder, since its process has no visible output."""
    try:
        yield
    except TemRfError as error:
        if state(folder) == "queued":
            folder.event_log().write(StatusEvent(state="failed", detail=str(error)))
        raise


def has_ended(pid: int, create_time: float) -> bool:
    """Whether a process of this host has ended, even if another process now has the same process id."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.create_time() != create_time or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def start_detached(folder: OwnedFolder, *options: str) -> int:
    """Start the work of a folder in a process with its own session, which survives closing the terminal.

    Args:
        folder: The folder.
        options: Additional options of the command.

    Returns:
        The process id.
    """
    process = spawn_detached(folder, [*folder.start_command, *options])
    threading.Thread(target=process.wait, daemon=True).start()  # otherwise it would remain as a zombie
    return process.pid


def spawn_detached(
    folder: OwnedFolder, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a command that works in a folder, in its own session, and record it. Its output goes to the log.

    Args:
        folder: The folder.
        command: The command.
        environment: Its environment variables; None: those of this process.

    Raises:
        DiskFullError: The disk is full; nothing was started.
        PlatformError: Processes cannot survive the terminal on this system (Windows).
        StorageError: The log is not writable; nothing was started.
    """
    require_sessions("work in the background")
    with storage_errors(folder.log_file):
        file = folder.log_file.open("ab")
    with file as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**(os.environ if environment is None else environment), "PYTHONUNBUFFERED": "1"},
        )
    try:
        record_process(folder, process.pid, command)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _is_gone(folder: OwnedFolder) -> bool:
    """Whether the recorded process has ended. Unknown if it is on another host or none is recorded."""
    about = read_process(folder)
    return about is not None and about.host == socket.gethostname() and has_ended(about.pid, about.create_time)


@dataclass(frozen=True)
class ProcessRecord:
    """The process recorded in `process.json`.

    Attributes:
        pid: Process id.
        create_time: Start time [s since 1970], which tells it from a later process with the same id.
        host: Host name.
    """

    pid: int
    create_time: float
    host: str


def read_process(folder: OwnedFolder) -> ProcessRecord | None:
    """The current, next or last process of a folder; None if it is not known."""
    try:
        about = json.loads(folder.process_file.read_text(encoding="utf-8"))
        return ProcessRecord(int(about["pid"]), float(about["create_time"]), str(about["host"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lock(file: BinaryIO) -> bool:
    # `is_alive` in another process holds the lock for an instant without owning the folder, so try a few times.
    for _ in range(10):
        if lock_file(file):
            return True
        time.sleep(0.05)
    return False
