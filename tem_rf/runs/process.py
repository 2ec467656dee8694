"""The process that owns a run, or a study: one at a time, seen from outside, asked to stop or pause."""

import fcntl
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

from tem_rf.errors import RunError, TemRfError
from tem_rf.files import storage_errors, write_json
from tem_rf.runs.events import State, StatusEvent, last_status
from tem_rf.runs.owned_folder import OwnedFolder

Request = Literal["stop", "pause", "cancel"]


@contextmanager
def claim(folder: OwnedFolder) -> Iterator[None]:
    """Own a folder for as long as the block lasts; the lock goes with the process, however it ends.

    Raises:
        RunError: Another process works in this folder.
        StorageError: The folder cannot be written to.
    """
    with storage_errors(folder.lock_file):
        file = folder.lock_file.open("ab")
    with file as lock:
        if not _lock(lock):
            raise RunError(
                f"{folder.path}: {owner(folder)} is {folder.activity}; watch it with `{folder.watch_command}` or end "
                f"it with `{folder.stop_command}`."
            )
        folder.request_file.unlink(missing_ok=True)  # a request to an earlier process
        folder.remove_leftovers()
        record_process(folder, os.getpid(), sys.argv)
        yield


def is_alive(folder: OwnedFolder) -> bool:
    """Whether a process owns the folder; for a process on another host, what its lock says."""
    if not folder.lock_file.exists():
        return False
    with folder.lock_file.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def has_process(folder: OwnedFolder) -> bool:
    """Whether a process works in the folder, or was started to and has not claimed it yet."""
    about = read_process(folder)
    if about is None or about.host != socket.gethostname():
        return is_alive(folder)
    return is_alive(folder) or not has_ended(about.pid, about.create_time)


def state(folder: OwnedFolder) -> State | Literal["killed", "new"]:
    """State of a run or study: the last status event, and `killed` where its process is gone and did not say why."""
    return state_after(last_status(folder.events()), folder)


def state_after(status: StatusEvent | None, folder: OwnedFolder) -> State | Literal["killed", "new"]:
    """State of a folder whose last status event is known: what `state` says, without reading the events."""
    if status is None:
        return "starting" if is_alive(folder) else "new"
    if status.state in ("starting", "running", "paused") and not is_alive(folder):
        return "killed"
    if status.state == "queued" and not is_alive(folder) and _is_gone(folder):
        return "killed"
    return status.state


def ask(folder: OwnedFolder, request: Request) -> None:
    """Ask the running process for something; it obeys as soon as it can: a training after the step in hand.

    Raises:
        RunError: No process works in this folder.
    """
    if not is_alive(folder):
        raise RunError(f"{folder.path}: no process is {folder.activity} (it is {state(folder)}).")
    write_json(folder.request_file, {"request": request})


def clear_request(folder: OwnedFolder) -> None:
    """Take the request back, so that a paused run goes on."""
    folder.request_file.unlink(missing_ok=True)


def requested(folder: OwnedFolder) -> Request | None:
    """What is asked of the running process."""
    try:
        return json.loads(folder.request_file.read_text(encoding="utf-8"))["request"]
    except (FileNotFoundError, ValueError, KeyError):
        return None


def owner(folder: OwnedFolder) -> str:
    """The process that owns the folder, or did so last, for messages."""
    about = read_process(folder)
    return f"process {about.pid} on {about.host}" if about else "another process"


def mark_queued(folder: OwnedFolder) -> None:
    """Record that the folder waits for its process, before that is started and recorded."""
    folder.process_file.unlink(missing_ok=True)  # of an earlier process, whose end says nothing of this one
    folder.event_log().write(StatusEvent(state="queued"))


def record_process(folder: OwnedFolder, pid: int, command: Sequence[str]) -> None:
    """Record the process that works in a folder, or will: once it is gone, a queued folder waits for nothing."""
    import psutil

    about = {"pid": pid, "create_time": psutil.Process(pid).create_time(), "host": socket.gethostname()}
    write_json(folder.process_file, {**about, "command": [*command]})


@contextmanager
def failure_in_events(folder: OwnedFolder) -> Iterator[None]:
    """Checks before the work: the events of a queued folder say why they fail, since nobody sees its process."""
    try:
        yield
    except TemRfError as error:
        if state(folder) == "queued":
            folder.event_log().write(StatusEvent(state="failed", detail=str(error)))
        raise


def has_ended(pid: int, create_time: float) -> bool:
    """Whether a process of this host has ended, though another may have its number now."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.create_time() != create_time or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def start_detached(folder: OwnedFolder, *options: str) -> int:
    """Start the work of a folder in a process of its own session, which closing the terminal does not end.

    Args:
        folder: The folder.
        options: Further options of its command.

    Returns:
        The process id.
    """
    process = spawn_detached(folder, [*folder.start_command, *options])
    threading.Thread(target=process.wait, daemon=True).start()  # else it would stay as a zombie
    return process.pid


def spawn_detached(
    folder: OwnedFolder, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a command that works in a folder, in a session of its own, and record it; its output goes to the log.

    Args:
        folder: The folder.
        command: The command.
        environment: Its environment variables; None: those of this process.

    Raises:
        DiskFullError: There is no room on the disk; nothing was started.
        StorageError: The log cannot be written to; nothing was started.
    """
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
    """Whether the recorded process has ended; of one on another host, or of none, that is not known."""
    about = read_process(folder)
    return about is not None and about.host == socket.gethostname() and has_ended(about.pid, about.create_time)


@dataclass(frozen=True)
class ProcessRecord:
    """What `process.json` says of a process.

    Attributes:
        pid: Its number.
        create_time: When it began [s since 1970], which tells it from a later process of this number.
        host: Its machine.
    """

    pid: int
    create_time: float
    host: str


def read_process(folder: OwnedFolder) -> ProcessRecord | None:
    """The process that works in a folder, will, or worked in it last; None if that is not known."""
    try:
        about = json.loads(folder.process_file.read_text(encoding="utf-8"))
        return ProcessRecord(int(about["pid"]), float(about["create_time"]), str(about["host"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lock(file: BinaryIO) -> bool:
    # `is_alive` of an onlooker holds the lock for an instant: that is no owner, so ask a few times.
    for _ in range(10):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            time.sleep(0.05)
    return False
