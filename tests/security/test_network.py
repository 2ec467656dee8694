"""Nothing listens where another machine could reach it, unless SLURM or a scheduler elsewhere was asked for."""

import ipaddress
import os
import pty
import subprocess
import sys
from pathlib import Path

import psutil

from tests.helpers.waiting import wait_for

LOCAL_WORKERS = """
import time
from tem_rf.study.execution.clusters import LocalWorkers

if __name__ == "__main__":
    workers = LocalWorkers(2)
    client = workers.connect()
    client.wait_for_workers(2)
    print("connected", flush=True)
    input()
    workers.close()
"""


def listening(pid: int) -> list[str]:
    """Addresses on which a process or one it started waits for connections; UDP sockets without a peer wait too."""
    root = psutil.Process(pid)
    connections = [one for process in (root, *root.children(recursive=True)) for one in process.net_connections()]
    return [one.laddr.ip for one in connections if one.laddr and (one.status == psutil.CONN_LISTEN or not one.raddr)]


def test_scheduler_and_workers_of_a_study_here_are_out_of_reach_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "workers.py").write_text(LOCAL_WORKERS)
    command = [sys.executable, str(tmp_path / "workers.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"connected\n"
        addresses = listening(process.pid)
        process.stdin.write(b"\n")
    assert len(addresses) >= 3  # scheduler and two workers
    assert {address for address in addresses if not ipaddress.ip_address(address).is_loopback} == set()


def test_the_terminal_app_listens_nowhere(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    app = subprocess.Popen(
        [sys.executable, "-m", "tem_rf", "tui", str(tmp_path)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    try:
        shown = b""

        def is_up() -> bool:
            nonlocal shown
            shown += os.read(ours, 65536)
            return b"Network" in shown

        wait_for(is_up)
        assert listening(app.pid) == []
    finally:
        app.kill()
        app.wait()
        os.close(theirs)
        os.close(ours)
