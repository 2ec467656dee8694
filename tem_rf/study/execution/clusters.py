"""Sources of workers: this machine, SLURM, or a running Dask scheduler."""

import getpass
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

import dask
from distributed import Client, Nanny, Scheduler, SpecCluster, Status

from tem_rf.errors import StudyError
from tem_rf.platforms import usable_cores
from tem_rf.runs.devices import take_gpus
from tem_rf.study.definition.sections import Execution
from tem_rf.study.execution.security import LOOPBACK, new_security, own_security, refuse_plain

CONNECT_TIMEOUT_S = 10.0
QUEUE_INTERVAL_S = 60.0
QUEUE_TIMEOUT_S = 10.0

dask.config.set(
    {
        "distributed.worker.multiprocessing-method": "spawn",  # a fork would share the driver's TensorFlow
        "distributed.comm.timeouts.connect": "5s",  # notice soon if something is gone
        "distributed.deploy.lost-worker-timeout": "5s",
        "distributed.logging.distributed": "critical",
    }
)


class Cluster(Protocol):
    """A scheduler and its workers."""

    def connect(self) -> Client:
        """Start what is needed and connect; called again if the scheduler was lost.

        Raises:
            StudyError: The scheduler cannot be reached.
        """

    def mend(self) -> list[str]:
        """Replace our own workers that are permanently lost; return notes for the user."""

    def close(self) -> None:
        """End everything that `connect` started."""


def choose_cluster(execution: Execution, folder: Path) -> Cluster:
    """Return the cluster specified in a definition; from now on, this process sees no GPU.

    Args:
        execution: Execution settings of the definition.
        folder: Study folder, on a file system shared by all workers.

    Raises:
        StudyError: More workers are requested than there are GPUs.
    """
    gpus = take_gpus()
    if execution.slurm is not None:
        return SlurmWorkers(execution.workers or 1, execution.slurm, folder, execution.worker_ttl_s)
    if execution.scheduler_file is not None:
        return RunningScheduler(execution.scheduler_file)
    if execution.scheduler is not None:
        return RunningScheduler(execution.scheduler)
    if gpus and (execution.workers or 0) > len(gpus):
        raise StudyError(
            f"execution.workers: {execution.workers} is more than the {len(gpus)} GPUs of this machine, "
            "which train one run each; use fewer workers."
        )
    return LocalWorkers(execution.workers or max(len(gpus), 1), gpus, execution.worker_ttl_s)


class LocalWorkers:
    """Workers on this machine: one per GPU, or several sharing the CPU; the scheduler is reachable only locally."""

    def __init__(self, count: int, gpus: tuple[str, ...] = (), worker_ttl_s: float = 20) -> None:
        self._count, self._gpus, self._worker_ttl_s = count, gpus, worker_ttl_s
        self._cluster: SpecCluster | None = None

    def connect(self) -> Client:
        """Start scheduler and workers, replacing lost ones."""
        self.close()
        try:
            self._cluster = SpecCluster(
                scheduler={"cls": Scheduler, "options": {"host": LOOPBACK, **_scheduler_options(self._worker_ttl_s)}},
                workers=dict(self._worker(number) for number in range(self._count)),
                silence_logs="CRITICAL",
            )
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise StudyError(f"The workers on this machine could not be started ({reason}); try again.") from error
        return Client(self._cluster, set_as_default=False)

    def mend(self) -> list[str]:
        """Replace workers whose nanny is gone too; the others are restarted by their nannies."""
        _replace_lost_workers(self._cluster)
        return []

    def close(self) -> None:
        """End scheduler and workers."""
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None

    def _worker(self, number: int) -> tuple[str, dict[str, Any]]:
        if self._gpus:
            name, environment = f"gpu{number}", {"CUDA_VISIBLE_DEVICES": self._gpus[number]}
        else:
            threads = max(usable_cores() // self._count, 1)
            name = f"cpu{number}"
            environment = {"CUDA_VISIBLE_DEVICES": "", "TF_NUM_INTRAOP_THREADS": str(threads)}
        options = {
            "host": LOOPBACK,
            "nthreads": 1,
            "memory_limit": 0,  # the training process needs memory, not the worker
            "dashboard": False,
            "local_directory": tempfile.gettempdir(),
            "silence_logs": "CRITICAL",
            "env": environment,
        }
        return name, {"cls": Nanny, "options": options}


class SlurmWorkers:
    """Workers as SLURM jobs, one run each; jobs that end are submitted again.

    The scheduler runs in this process and listens on the network, so it uses TLS, with certificates in `slurm/tls/` of
    the study folder.
    """

    def __init__(self, count: int, options: dict[str, Any], folder: Path, worker_ttl_s: float = 20) -> None:
        self._count, self._options, self._folder = count, options, folder / "slurm"
        self._worker_ttl_s = worker_ttl_s
        self._asked_queue_at = time.monotonic()
        self._cluster: Any = None

    def connect(self) -> Client:
        """Start the scheduler and submit the jobs."""
        try:
            from dask_jobqueue import SLURMCluster
        except ImportError as error:
            raise StudyError(
                "execution.slurm: needs the package dask-jobqueue; install it with `pip install 'tem-rf[cluster]'`."
            ) from error
        if shutil.which("sbatch") is None:
            raise StudyError("execution.slurm: sbatch was not found; start the study on a node that can submit jobs.")
        self.close()
        security = own_security() or new_security(self._folder / "tls")
        try:
            self._cluster = SLURMCluster(**{**self._defaults(), **self._options}, security=security)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise StudyError(f"execution.slurm: {' '.join(str(error).split())}") from error
        self._cluster.scale(self._count)
        return Client(self._cluster, set_as_default=False)

    def mend(self) -> list[str]:
        """Submit jobs to replace those that ended or were cancelled while queued."""
        notices = self._forget_jobs_that_left_the_queue()
        _replace_lost_workers(self._cluster)
        return notices

    def close(self) -> None:
        """Cancel the jobs and end the scheduler."""
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None

    def _forget_jobs_that_left_the_queue(self) -> list[str]:
        """Forget queued jobs that are gone; the cluster notices the end of a job only through its worker."""
        if self._cluster is None or time.monotonic() - self._asked_queue_at < QUEUE_INTERVAL_S:
            return []
        self._asked_queue_at = time.monotonic()
        queued = _jobs_in_queue()
        gone = (
            {}
            if queued is None
            else {
                name: job.job_id
                for name, job in self._cluster.workers.items()
                if job.job_id and job.job_id not in queued
            }
        )
        for name in gone:
            del self._cluster.workers[name]
        return [f"SLURM job {job} has left the queue; submitting another job to replace it." for job in gone.values()]

    def _defaults(self) -> dict[str, Any]:
        return {
            "processes": 1,
            "local_directory": tempfile.gettempdir(),
            "log_directory": str(self._folder),
            "scheduler_options": _scheduler_options(self._worker_ttl_s),
            "worker_extra_args": ["--no-dashboard", "--dashboard-address", f"{LOOPBACK}:0"],
            # sbatch passes on the environment of the driver, which sees no GPU; GPUs assigned by SLURM are kept.
            "job_script_prologue": ['[ -n "$CUDA_VISIBLE_DEVICES" ] || unset CUDA_VISIBLE_DEVICES'],
        }


class RunningScheduler:
    """A scheduler that was started elsewhere; if it is lost, wait for it to return."""

    def __init__(self, place: str | Path) -> None:
        """Take its address or its scheduler file."""
        self._place = place

    def connect(self) -> Client:
        """Connect to it, with TLS if it is on another machine."""
        try:
            address = _address_in(self._place) if isinstance(self._place, Path) else self._place
            refuse_plain(address)
            return Client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False, security=own_security())
        except (OSError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise StudyError(
                f"{self._place}: the scheduler cannot be reached ({reason}); check that it is running, that the "
                "address is correct and that both sides use the same certificates."
            ) from error

    def mend(self) -> list[str]:
        """Do nothing; its workers are not ours."""
        return []

    def close(self) -> None:
        """Do nothing; the scheduler is not ours."""


def _address_in(scheduler_file: Path) -> str:
    if not scheduler_file.exists():
        raise StudyError(
            f"{scheduler_file}: no such file; start `dask scheduler --scheduler-file {scheduler_file}` first."
        )
    try:
        return str(json.loads(scheduler_file.read_text(encoding="utf-8"))["address"])
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{scheduler_file}: contains no address of a Dask scheduler; start the scheduler again."
        ) from error


def _scheduler_options(worker_ttl_s: float) -> dict[str, Any]:
    return {"dashboard": False, "dashboard_address": f"{LOOPBACK}:0", "worker_ttl": f"{worker_ttl_s} s"}


def _jobs_in_queue() -> set[str] | None:
    """Return the identifiers of this user's pending and running jobs; None if SLURM does not respond."""
    command = ["squeue", "--noheader", "--format=%i", f"--user={getpass.getuser()}"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=QUEUE_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return set(listed.stdout.split())


def _replace_lost_workers(cluster: SpecCluster | None) -> None:
    if cluster is None:
        return
    for name, worker in list(cluster.workers.items()):
        if worker.status in (Status.failed, Status.closed):  # it died during startup, which nothing else notices
            del cluster.workers[name]
    cluster.scale(len(cluster.worker_spec))  # starts the workers of its list that are missing
