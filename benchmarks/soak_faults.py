"""Faults of the processes and the disk of a soak test, at random times, reproducible by seed."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
from soak_processes import Kind, of_kind

KILLED: tuple[Kind, ...] = (*("training", "worker") * 3, *("nanny", "scheduler") * 2, "driver")
FROZEN: tuple[Kind, ...] = ("worker", "training", "driver")
BETWEEN_FAULTS_S = (10.0, 40.0)
FROZEN_S = (2.0, 30.0)  # longer and shorter than the time after which a worker counts as lost
FULL_S = 20.0
MEGABYTE = 2**20


class Faults:
    """Kills, freezes and thaws processes, and fills the disk and frees it again.

    Args:
        mark: Mark of the processes.
        seed: Decides what happens and when, as far as the processes are alike.

    Attributes:
        counts: How often what happened.
        disk: A folder of a small disk that is filled, too; None: disks are left alone.
    """

    def __init__(self, mark: str, seed: int = 752) -> None:
        self.counts: Counter[str] = Counter()
        self.disk: Path | None = None
        self._mark = mark
        self._random = random.Random(seed)
        self._frozen: list[tuple[float, psutil.Process]] = []
        self._next_at = time.monotonic() + self._random.uniform(*BETWEEN_FAULTS_S)
        self._filler: Path | None = None

    def tick(self) -> None:
        """Cause a fault, if it is time."""
        now = time.monotonic()
        for thaw_at, process in list(self._frozen):
            if now > thaw_at:
                self._thaw(thaw_at, process)
        if now < self._next_at:
            return
        self._next_at = now + self._random.uniform(*BETWEEN_FAULTS_S)
        if self._filler:
            self._free_disk()
        elif self.disk and self._random.random() < 0.25:
            self._fill_disk(self.disk)
            self._next_at = now + FULL_S
        elif self._random.random() < 0.25:
            self._freeze(self._random.choice(FROZEN))
        else:
            self._kill(self._random.choice(KILLED))

    def end(self) -> None:
        """Resume all remaining processes."""
        for frozen in list(self._frozen):
            self._thaw(*frozen)
        self._free_disk()

    def _kill(self, kind: Kind) -> None:
        if process := self._one_of(kind):
            _signal(process, signal.SIGKILL)
            self.counts[f"{kind} killed"] += 1

    def _freeze(self, kind: Kind) -> None:
        if process := self._one_of(kind):
            _signal(process, signal.SIGSTOP)
            self._frozen.append((time.monotonic() + self._random.uniform(*FROZEN_S), process))
            self.counts[f"{kind} frozen"] += 1

    def _thaw(self, thaw_at: float, process: psutil.Process) -> None:
        self._frozen.remove((thaw_at, process))
        _signal(process, signal.SIGCONT)

    def _one_of(self, kind: Kind) -> psutil.Process | None:
        processes = of_kind(self._mark, kind)
        return self._random.choice(processes) if processes else None

    def _fill_disk(self, disk: Path) -> None:
        self._filler = disk / "filler"
        with self._filler.open("wb", buffering=0) as file:
            for size in (MEGABYTE, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"\0" * size) == size:
                        pass
        self.counts["disk filled"] += 1

    def _free_disk(self) -> None:
        if self._filler:
            self._filler.unlink()
            self._filler = None


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)
