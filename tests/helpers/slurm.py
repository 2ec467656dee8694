"""A real SLURM of one node on this machine, from Debian's packages, for as long as a test lasts."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def running_slurm(folder: Path) -> Iterator[Path]:
    """Start SLURM with all its files in a folder; give the path of its configuration. Skips where that cannot be."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install slurm-wlm")
    if os.geteuid() != 0:
        pytest.skip("SLURM's daemons start jobs as root")
    configuration = _write_configuration(folder)
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "seed", "log")]
    commands = [
        ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D", "-c"],
    ]
    daemons = []
    try:
        for command in commands:
            output = (folder / f"{command[0]}.out").open("wb")
            daemons.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output))
            output.close()
            time.sleep(1)
        _wait_for_the_node(environment)
        yield configuration
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


def jobs(configuration: Path, states: str = "PENDING,RUNNING,COMPLETING") -> list[str]:
    """Identifiers of the jobs that are queued or running, or in the given states."""
    command = ["squeue", "--noheader", "--format=%i", f"--states={states}"]
    return _ask(command, {**os.environ, "SLURM_CONF": str(configuration)}).split()


def _write_configuration(folder: Path) -> Path:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    configuration = folder / "slurm.conf"
    host = socket.gethostname().partition(".")[0]
    ports = {"controller_port": _free_port(), "node_port": _free_port()}
    configuration.write_text(CONFIGURATION.format(host=host, folder=folder, cpus=os.cpu_count(), **ports))
    return configuration


def _wait_for_the_node(environment: dict[str, str]) -> None:
    deadline = time.monotonic() + 20
    while _ask(["sinfo", "--noheader", "--format=%T"], environment).strip() != "idle":
        if time.monotonic() > deadline:
            pytest.skip("the node of SLURM did not become idle here")
        time.sleep(0.5)


def _ask(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
