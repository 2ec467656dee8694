"""A pytest plugin (`-p tests.helpers.without_posix`): tem-rf finds none of the names that macOS or Windows lack.

Other packages still import `fcntl` and the like: on Windows each has its own replacement, which is not here.
"""

import builtins
import os
import signal
import subprocess
from typing import Any

import psutil

MODULES = frozenset({"fcntl", "termios", "tty", "resource", "pwd", "grp"})
IN_OS = ("sched_getaffinity", "sched_setaffinity", "fork", "forkpty", "setsid", "killpg", "getpgid", "posix_fallocate")
IN_SIGNAL = ("SIGKILL", "SIGHUP", "SIGSTOP", "SIGCONT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTSTP")

SIGKILL = 9

import_any = builtins.__import__


def pytest_configure() -> None:
    """Take the names away before any test module is imported."""
    builtins.__import__ = import_without_posix  # type: ignore[assignment]  # it passes on what Python gives it
    for process in (subprocess.Popen, psutil.Process):  # whose own kill() names the signal
        process.kill = lambda self: self.send_signal(SIGKILL)  # type: ignore[method-assign]
    for module, names in ((os, IN_OS), (signal, IN_SIGNAL)):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)


def import_without_posix(name: str, scope: Any = None, *rest: Any, **more: Any) -> Any:
    """Import a module, unless tem-rf asks for one that Windows lacks."""
    importer = (scope or {}).get("__name__", "")
    if name in MODULES and importer.split(".")[0] in ("tem_rf", "tem_rf_tui"):
        raise ModuleNotFoundError(f"No module named {name!r}")
    return import_any(name, scope, *rest, **more)
