"""The terminal app, or its label editor, in a pseudo-terminal, for the scripts that press its keys."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROWS, COLUMNS = 60, 200
# First query of the app; reply of a terminal without pictures.
ATTRIBUTES_ASKED, ATTRIBUTES = b"\x1b[c", b"\x1b[?62;22c"


class AppTerminal:
    """The side that types and reads.

    Args:
        master: File descriptor of this side.
        pid: Process of the app.
    """

    def __init__(self, master: int, pid: int) -> None:
        self.master, self.pid = master, pid

    def write(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def read_until(self, mark: bytes, limit_s: float = 60) -> None:
        """Read until a text is sent."""
        seen, end = b"", time.perf_counter() + limit_s
        while mark not in seen:
            ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.perf_counter()))
            if not ready:
                raise SystemExit(f"the app did not show {mark!r} within {limit_s:.0f} s; it sent {seen[-300:]!r}")
            seen = seen[-len(mark) :] + os.read(self.master, 65536)

    def drain(self, seconds: float) -> int:
        """Read for a while, and return the number of bytes."""
        sent, end = 0, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], left)[0]:
                sent += len(os.read(self.master, 65536))
        return sent

    def processor_s(self) -> float:
        """Return the processor time of all its threads so far [s]."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def app_terminal(folder: Path, *arguments: str) -> Iterator[AppTerminal]:
    """Start `tem-rf ARGUMENTS` in a pseudo-terminal of 200 x 60, with its settings in a folder; kill it at the end."""
    pid, master = pty.fork()
    if pid == 0:
        for multiplexer in ("TMUX", "STY"):  # in which the app asks nothing
            os.environ.pop(multiplexer, None)
        os.environ.update(
            TERM="xterm-256color",
            COLORTERM="truecolor",
            XDG_CONFIG_HOME=str(folder / "config"),
            XDG_STATE_HOME=str(folder / "state"),
        )
        os.execv(sys.executable, [sys.executable, "-m", "tem_rf", *arguments])
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    terminal = AppTerminal(master, pid)
    try:
        if arguments[0] == "tui":
            terminal.read_until(ATTRIBUTES_ASKED)
            terminal.write(ATTRIBUTES)
        yield terminal
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(master)
