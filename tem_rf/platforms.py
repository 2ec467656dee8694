"""What operating systems do differently: processor cores, space on disks, sessions, and which systems are supported."""

import contextlib
import errno
import os
import shutil
import signal
import sys
from pathlib import Path

from tem_rf.errors import PlatformError

HAS_SESSIONS = hasattr(os, "setsid") and hasattr(os, "killpg")
"""Whether a process can lead a session of its own and survive the terminal, as on Linux and macOS."""
_WSL = "run `wsl --install` once and install tem-rf in WSL2"
NOTICES = {
    "win32": "Windows is not supported: background trainings, studies, the app and GPUs do not work here, and the rest "
    f"is untested; {_WSL}.",
}
"""What to say at the start, by `sys.platform`."""


def usable_cores() -> int:
    """Processor cores that this process may use; all cores of the machine where the system does not say (macOS)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def reserve_space(descriptor: int, size_bytes: int, folder: Path) -> None:
    """Reserve the disk space of an open file; on macOS, check that there is enough.

    Writing to a memory map of a file with holes kills the process if the disk is full.

    Args:
        descriptor: Descriptor of the file.
        size_bytes: Its size.
        folder: Its folder.

    Raises:
        OSError: The disk is full.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size_bytes)
    elif shutil.disk_usage(folder).free < size_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def end_session(leader: int, *, at_once: bool) -> None:
    """End a process that leads a session, and the processes that it started.

    Args:
        leader: Process id of the leader.
        at_once: Kill them; otherwise ask them to end, as Ctrl-C does.

    Raises:
        ProcessLookupError: There is no such process.
    """
    if HAS_SESSIONS:
        try:
            os.killpg(leader, signal.SIGKILL if at_once else signal.SIGTERM)
        except PermissionError as error:  # of macOS, if all have ended but the leader's parent has not asked for it
            raise ProcessLookupError(leader) from error
        return
    import psutil

    def end(process: psutil.Process) -> None:
        process.kill() if at_once else process.terminate()

    try:
        process = psutil.Process(leader)
        children = process.children(recursive=True)
        end(process)  # first, or it sees a child end and goes on with its work
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(leader) from error
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended by itself meanwhile
            end(child)


def require_sessions(what: str) -> None:
    """Refuse on Windows what needs processes that survive the terminal.

    Args:
        what: What is refused, to begin the message with.

    Raises:
        PlatformError: The system has no sessions.
    """
    if not HAS_SESSIONS:
        raise PlatformError(f"{what}: needs Linux or macOS, this is {sys.platform}; on Windows, {_WSL}.")


def notice_on_start() -> str | None:
    """One line on a system that is not supported; None on Linux and macOS."""
    return NOTICES.get(sys.platform)
