"""The processes of a soak test, found by a mark in their environment, which all child processes inherit."""

from typing import Literal

import psutil

MARK = "TEM_RF_SOAK"

Kind = Literal["training", "worker", "nanny", "scheduler", "driver", "app", "segment", "other"]


def marked(mark: str) -> list[psutil.Process]:
    """Return all live processes with the mark, except this one."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != psutil.Process().pid and process.environ().get(MARK) == mark and _is_alive(process):
                found.append(process)
        except psutil.Error:  # it has ended, or belongs to another user
            continue
    return found


def of_kind(mark: str, kind: Kind) -> list[psutil.Process]:
    """The marked processes of a kind."""
    return [process for process in marked(mark) if kind_of(process) == kind]


def kind_of(process: psutil.Process) -> Kind:
    """What a process is, by its command line."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return "other"
    text = " ".join(words)
    if "spawn_main" in text:
        return "worker"
    if "dask_worker" in text:
        return "nanny"
    if "dask_scheduler" in text:
        return "scheduler"
    if "resume" in words or "stub_training.py" in text:
        return "training"
    if "soak_driver.py" in text or ("study" in words and "run" in words):
        return "driver"
    if "tui" in words:
        return "app"
    return "segment" if "segment" in words else "other"


def memory_mb(process: psutil.Process) -> float | None:
    """Resident memory of a process; None once it has ended."""
    try:
        return process.memory_info().rss / 1e6 if _is_alive(process) else None
    except psutil.Error:
        return None


def _is_alive(process: psutil.Process) -> bool:
    return process.status() != psutil.STATUS_ZOMBIE
