"""Loads during a soak test: the terminal app, a segmentation loop, and a memory monitor."""

import fcntl
import hashlib
import os
import pty
import random
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from soak_processes import kind_of, marked, memory_mb

ROWS, COLUMNS = 40, 140
KEYS = (b"1", b"2", b"3", b"4", b"5", b"6", b"\x1b[A", b"\x1b[B")  # the tabs, up and down
KEY_INTERVAL_S = 5.0
WATCHED = ("app", "driver")
SAMPLE_INTERVAL_S = 10.0
MIN_WATCHED_S = 120.0


class AppInTerminal:
    """The terminal app in a pseudo-terminal, with simulated key presses that switch tabs."""

    def __init__(self, folder: Path) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            state = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "STATE")}
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", **state)
            os.execv(sys.executable, [sys.executable, "-m", "tem_rf", "tui", str(folder)])
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._random, self._pressed_at = random.Random(752), time.monotonic()

    def tick(self) -> None:
        """Read its output, and press a key from time to time."""
        while select.select([self._terminal], [], [], 0)[0]:
            try:
                os.read(self._terminal, 1 << 16)
            except OSError:  # it ended
                return
        if time.monotonic() - self._pressed_at > KEY_INTERVAL_S:
            self._pressed_at = time.monotonic()
            os.write(self._terminal, self._random.choice(KEYS))

    def is_alive(self) -> bool:
        """Whether it is still running."""
        return os.waitpid(self._pid, os.WNOHANG) == (0, 0)

    def end(self) -> None:
        """Close the terminal, as if the user closed the window."""
        os.close(self._terminal)
        time.sleep(2)
        if psutil.pid_exists(self._pid) and self.is_alive():
            os.kill(self._pid, signal.SIGTERM)
            os.waitpid(self._pid, 0)


class Segmentation:
    """Segments the same frames again and again.

    Attributes:
        count: How often it did.
        different: How often the masks were others than the first time.
        failures: What it said when it failed while the disk was not full.
    """

    def __init__(self, folder: Path, model: Path) -> None:
        self.count, self.different = 0, 0
        self.failures: list[str] = []
        self._folder, self._output = folder, folder / "segmented"
        images = sorted(map(str, (folder / "images").iterdir()))
        options = ["--model", str(model), "--output", str(self._output), "--overwrite"]
        self._command = [sys.executable, "-m", "tem_rf", "segment", *images, *options]
        self._expected = ""
        self._process = self._start()

    def tick(self) -> None:
        """Compare what it wrote, and start again."""
        if self._process.poll() is None:
            return
        said = self._process.communicate()[1].strip().splitlines()
        if self._process.returncode == 0:
            self.count += 1
            masks = _hash_of(sorted(self._output.glob("*_mask.tif")))
            self._expected = self._expected or masks
            self.different += masks != self._expected
        elif not any("no space left" in line for line in said):
            self.failures.append(f"{self._process.returncode}: {said[-1] if said else ''}")
        self._process = self._start()

    def end(self) -> None:
        """Let the last one finish."""
        self._process.communicate()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


class MemoryWatch:
    """Follows the resident memory of the long-lived processes, each from its start to its end."""

    def __init__(self, mark: str) -> None:
        self._mark, self._sampled_at = mark, float("-inf")
        self._samples: dict[tuple[str, int], list[tuple[float, float]]] = {}

    def tick(self) -> None:
        """Take a sample of each, if it is time."""
        now = time.monotonic()
        if now - self._sampled_at < SAMPLE_INTERVAL_S:
            return
        self._sampled_at = now
        for process in marked(self._mark):
            kind, memory = kind_of(process), memory_mb(process)
            if kind in WATCHED and memory is not None:
                self._samples.setdefault((kind, process.pid), []).append((now, memory))

    def summary(self) -> dict[str, Any]:
        """For each process watched long enough: minutes, first and last MB, and the growth by least squares.

        Of the second half of its life: before that it imports, and looks at everything for the first time.
        """
        grown: dict[str, list[dict[str, float]]] = {kind: [] for kind in WATCHED}
        for (kind, _), samples in self._samples.items():
            times, memory = np.array(samples[len(samples) // 2 :]).T
            if times[-1] - times[0] > MIN_WATCHED_S:
                minutes = (times - times[0]) / 60
                slope = float(np.polyfit(minutes, memory, 1)[0])
                row = {"minutes": minutes[-1], "first_mb": memory[0], "last_mb": memory[-1], "mb_per_minute": slope}
                grown[kind].append({key: round(float(value), 2) for key, value in row.items()})
        return grown


def _hash_of(files: list[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
