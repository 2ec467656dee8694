"""Schedulers and workers as processes of their own, and how to find what a study has running."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.helpers.stub_study import STUB
from tests.helpers.waiting import wait_for


def trainings() -> list[psutil.Process]:
    """The processes of stub trainings below this one."""
    return [child for child in psutil.Process().children(recursive=True) if _is_training(child)]


def kill(process: psutil.Process) -> None:
    """What `kill -9` does."""
    os.kill(process.pid, signal.SIGKILL)


class RunningCluster:
    """A Dask scheduler and its workers, started as a user starts them."""

    def __init__(self, workers: int, *, worker_ttl_s: float = 20) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self._count, self._worker_ttl_s = workers, worker_ttl_s
        self._processes: list[subprocess.Popen[bytes]] = []
        self.start()

    def start(self) -> None:
        """Start all of it, under the address of before."""
        port = self.address.rpartition(":")[2]
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", port)
        wait_for(lambda: _listens(int(port)), timeout_s=60)
        for number in range(self._count):
            self._start("dask_worker", self.address, "--name", f"worker{number}", "--nthreads", "1", "--nanny")

    def end(self) -> None:
        """Kill all of it."""
        for process in self._processes:
            for child in [*_children(process.pid), process]:
                child.kill()
            process.wait()

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"],
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{self._worker_ttl_s}s"},
        )
        self._processes.append(process)
        return process


@contextmanager
def running_cluster(workers: int, *, worker_ttl_s: float = 20) -> Iterator[RunningCluster]:
    """A cluster for as long as the block lasts."""
    cluster = RunningCluster(workers, worker_ttl_s=worker_ttl_s)
    try:
        yield cluster
    finally:
        cluster.end()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True) if psutil.pid_exists(pid) else []


def _is_training(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and str(STUB) in process.cmdline()
    except psutil.NoSuchProcess:
        return False
