"""A pool gives each worker one run in a process of its own, and says in one line what it cannot work with."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import psutil
import pytest
from distributed import Client, Future, Status

from tem_rf.errors import StudyError
from tem_rf.runs import RunFolder, process
from tem_rf.runs.devices import take_gpus
from tem_rf.runs.environment import package_versions
from tem_rf.study.definition.sections import Execution
from tem_rf.study.execution import clusters, run_process, workers
from tem_rf.study.execution.clusters import LocalWorkers, RunningScheduler, SlurmWorkers, choose_cluster
from tem_rf.study.execution.dask_pool import DaskPool
from tem_rf.study.execution.pool import RunOutcome, RunTask
from tem_rf.study.execution.run_process import train_in_own_process
from tem_rf.study.execution.security import refuse_plain
from tem_rf.study.execution.workers import describe_worker
from tests.helpers.processes import trainings
from tests.helpers.stub_study import STUB
from tests.helpers.waiting import wait_for

# Dask warns of a busy machine; pytest makes that an error, which ends a local cluster.
pytestmark = pytest.mark.filterwarnings("ignore:Creating scratch directories")

PRINT_ENVIRONMENT = (
    "import os; print(*(os.environ.get(name) for name in ('CUDA_VISIBLE_DEVICES', 'TF_FORCE_GPU_ALLOW_GROWTH',"
    " 'TF_NUM_INTRAOP_THREADS', 'OMP_NUM_THREADS')))"
)


@pytest.fixture
def runs(tmp_path: Path) -> list[RunFolder]:
    folders = [RunFolder(tmp_path / name) for name in ("first", "second", "third")]
    for folder in folders:
        folder.path.mkdir()
    return folders


def task(run: RunFolder, code: str) -> RunTask:
    return RunTask(run.path, (sys.executable, "-c", code))


def sleeper(run: RunFolder) -> RunTask:
    """A run that would last a minute, and that `trainings` finds."""
    return RunTask(run.path, (sys.executable, "-c", "import time; time.sleep(60)", str(STUB)))


def next_outcome(pool: DaskPool) -> RunOutcome:
    outcomes: list[RunOutcome] = []

    def has_ended() -> bool:
        if outcome := pool.next_outcome(1):
            outcomes.append(outcome)
        return bool(outcomes)

    wait_for(has_ended)
    return outcomes[0]


def test_each_worker_has_one_run_and_a_gpu_of_its_own(runs: list[RunFolder], tmp_path: Path) -> None:
    pool = DaskPool(LocalWorkers(2, gpus=("GPU-a", "GPU-b")), tmp_path)
    try:
        wait_for(lambda: pool.next_outcome(0.1) or pool.slots() == 2)
        for run in runs[:2]:
            pool.submit(task(run, PRINT_ENVIRONMENT))
        assert pool.slots() == 0
        assert sorted(worker.run for worker in pool.workers()) == ["first", "second"]
        assert {next_outcome(pool).state for _ in range(2)} == {"finished"}
        assert [worker.device for worker in pool.workers()] == ["GPU GPU-a", "GPU GPU-b"]
    finally:
        pool.close()
    logs = sorted(run.log_file.read_text().split()[:2] for run in runs[:2])
    assert logs == [["GPU-a", "true"], ["GPU-b", "true"]]


def test_workers_on_the_cpu_see_no_gpu_and_share_its_cores(
    runs: list[RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    pool = DaskPool(LocalWorkers(1), tmp_path)
    try:
        pool.submit(task(runs[0], PRINT_ENVIRONMENT))
        next_outcome(pool)
    finally:
        pool.close()
    assert runs[0].log_file.read_text() == f" true {len(os.sched_getaffinity(0))} None\n"


def test_cancelling_kills_the_process_and_the_worker_takes_the_next_run(runs: list[RunFolder], tmp_path: Path) -> None:
    pool = DaskPool(LocalWorkers(1), tmp_path)
    try:
        pool.submit(sleeper(runs[0]))
        wait_for(trainings)
        pool.cancel(runs[0].path)
        assert next_outcome(pool).state == "cancelled"
        wait_for(lambda: not trainings())
        pool.submit(task(runs[1], "pass"))
        assert next_outcome(pool) == RunOutcome(runs[1].path, "finished", "cpu0")
    finally:
        pool.close()


class FakeCluster:
    """A cluster of Dask with these workers, which records how many are asked for."""

    def __init__(self, workers: dict[Any, Any]) -> None:
        self.workers, self.worker_spec = workers, dict(workers)
        self.scaled: list[int] = []

    def scale(self, count: int) -> None:
        self.scaled.append(count)


def test_a_worker_that_died_while_it_started_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    states = {"cpu0": Status.running, "cpu1": Status.failed, "cpu2": Status.closed}
    fake = FakeCluster({name: SimpleNamespace(status=status) for name, status in states.items()})
    monkeypatch.setattr(clusters, "SpecCluster", lambda **_: fake)
    monkeypatch.setattr(clusters, "Client", lambda *_, **__: None)
    cluster = LocalWorkers(3)
    cluster.connect()
    cluster.mend()
    assert (list(fake.workers), fake.scaled) == (["cpu0"], [3])


def test_closing_a_pool_ends_its_workers_and_their_processes(runs: list[RunFolder], tmp_path: Path) -> None:
    pool = DaskPool(LocalWorkers(1), tmp_path)
    pool.submit(sleeper(runs[0]))
    wait_for(trainings)
    pool.close()
    assert not trainings()


def test_a_training_does_not_outlive_its_worker(runs: list[RunFolder]) -> None:
    code = """
import sys
from pathlib import Path
from tem_rf.study.execution.pool import RunTask
from tem_rf.study.execution.run_process import train_in_own_process
train_in_own_process(RunTask(Path(sys.argv[1]), tuple(sys.argv[2:])), "worker")
"""
    worker = subprocess.Popen([sys.executable, "-c", code, runs[0].path, *sleeper(runs[0]).command])
    wait_for(lambda: [one for one in trainings() if one.ppid() == worker.pid and "-I" not in one.cmdline()])
    worker_training = psutil.Process(worker.pid).children()[0]
    worker.kill()
    worker.wait()
    wait_for(lambda: not worker_training.is_running() or worker_training.status() == psutil.STATUS_ZOMBIE, timeout_s=5)


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("import sys; print('working'); sys.exit('tem-rf: the disk is gone\\n')", "the disk is gone"),
        ("import sys; sys.exit(3)", "its process ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "its process was killed by SIGKILL"),
    ],
)
def test_a_failure_is_told_by_the_last_line_or_the_signal(runs: list[RunFolder], code: str, detail: str) -> None:
    runs[0].log_file.write_text("an older failure\n")
    assert train_in_own_process(task(runs[0], code), "here") == RunOutcome(runs[0].path, "failed", "here", detail)


def test_a_run_that_another_process_trains_is_left_to_it(
    runs: list[RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_process, "BUSY_WAIT_S", 0.1)
    with process.claim(runs[0]):
        outcome = train_in_own_process(task(runs[0], "raise SystemExit('started')"), "here")
    assert outcome.state == "busy"
    assert outcome.detail.startswith(f"process {os.getpid()} on ")


def test_a_driver_sees_no_gpu_from_the_moment_it_hands_them_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert take_gpus() == ("2", "5")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert take_gpus() == ()


def test_a_task_that_is_taken_back_as_it_ends_is_cancelled(
    runs: list[RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, killed = Future.result, threading.Event()

    def taken_back_first(future: Future, timeout: float | None = None) -> Any:
        future.cancel()
        return result(future, timeout=timeout)

    pool = DaskPool(LocalWorkers(1), tmp_path)
    try:
        monkeypatch.setattr(
            Client, "run", lambda *_, **__: killed.wait(60)
        )  # so that the task ends before it is killed
        monkeypatch.setattr(Future, "result", taken_back_first)
        pool.submit(task(runs[0], "pass"))
        pool.cancel(runs[0].path)
        assert next_outcome(pool) == RunOutcome(runs[0].path, "cancelled", "cpu0")
    finally:
        killed.set()
        pool.close()


def test_more_workers_than_gpus_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(StudyError, match=r"execution\.workers: 3 is more than the 2 GPUs of this machine"):
        choose_cluster(Execution(workers=3), tmp_path)


def test_workers_come_from_where_the_definition_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert isinstance(choose_cluster(Execution(), tmp_path), LocalWorkers)
    assert isinstance(choose_cluster(Execution(scheduler="tcp://a:1"), tmp_path), RunningScheduler)
    assert isinstance(choose_cluster(Execution(scheduler_file=Path("a")), tmp_path), RunningScheduler)
    assert isinstance(choose_cluster(Execution(slurm={}), tmp_path), SlurmWorkers)


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        (RunningScheduler("tcp://127.0.0.1:9"), r"tcp://127\.0\.0\.1:9: the scheduler cannot be reached"),
        (RunningScheduler("nonsense://127.0.0.1"), r"nonsense://127\.0\.0\.1: the scheduler cannot be reached"),
        (RunningScheduler(Path("/no/scheduler.json")), r"/no/scheduler\.json: no such file"),
    ],
)
def test_a_scheduler_that_cannot_be_reached_is_one_line(
    cluster: RunningScheduler, message: str, tmp_path: Path
) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        DaskPool(cluster, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["tcp://192.0.2.7:8786", "192.0.2.7:8786", "ws://192.0.2.7:8786", "tcp://[192.0.2.7"]
)
def test_a_scheduler_on_another_machine_without_tls_is_refused_unless_dask_is_told_that_it_may_be(
    address: str, tmp_path: Path
) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": address}))
    for place in (address, file):
        with pytest.raises(
            StudyError, match="an unencrypted scheduler on another machine lets anyone on its network run commands"
        ):
            RunningScheduler(place).connect()
    with dask.config.set({"distributed.comm.require-encryption": False}):
        refuse_plain(address)


@pytest.mark.parametrize("address", ["tls://192.0.2.7:8786", "tcp://127.0.0.1:8786", "localhost:8786"])
def test_a_scheduler_with_tls_or_on_this_machine_is_accepted(address: str) -> None:
    refuse_plain(address)


@pytest.mark.parametrize("content", ["", "{}", "[]", "\0"])
def test_a_scheduler_file_without_an_address_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "scheduler.json").write_text(content)
    with pytest.raises(StudyError, match=r"scheduler\.json: contains no address of a Dask scheduler"):
        RunningScheduler(tmp_path / "scheduler.json").connect()


def test_slurm_is_refused_where_no_job_can_be_submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyError, match=r"execution\.slurm: sbatch was not found"):
        SlurmWorkers(1, {}, tmp_path).connect()


def test_workers_on_this_machine_are_reached_from_nowhere_else(tmp_path: Path) -> None:
    cluster = LocalWorkers(1)
    client = cluster.connect()
    try:
        assert client.scheduler.address.startswith("tcp://127.0.0.1:")
        assert all(worker.startswith("tcp://127.0.0.1:") for worker in client.scheduler_info()["workers"])
        listening = [one for one in psutil.Process().net_connections() if one.status == psutil.CONN_LISTEN]
        assert listening
        assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
    finally:
        client.close()
        cluster.close()


def test_a_scheduler_for_other_machines_speaks_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cryptography", reason="TLS certificates need the package cryptography")
    fake = FakeCluster({})
    asked_for: dict[str, Any] = {}

    def fake_cluster(**options: Any) -> FakeCluster:
        asked_for.update(options)
        return fake

    monkeypatch.setattr(pytest.importorskip("dask_jobqueue"), "SLURMCluster", fake_cluster)
    monkeypatch.setattr(clusters, "Client", lambda cluster, set_as_default: cluster)
    monkeypatch.setattr(clusters.shutil, "which", lambda program: f"/usr/bin/{program}")
    SlurmWorkers(2, {"queue": "gpu"}, tmp_path).connect()
    assert asked_for["security"].require_encryption
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "slurm/tls").iterdir()} == {0o600}
    assert (asked_for["queue"], fake.scaled) == ("gpu", [2])


def test_an_interface_that_this_machine_lacks_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    pytest.importorskip("cryptography", reason="TLS certificates need the package cryptography")
    monkeypatch.setattr(clusters.shutil, "which", lambda program: f"/usr/bin/{program}")
    slurm = SlurmWorkers(1, {"cores": 1, "memory": "1GB", "interface": "eth9"}, tmp_path)
    with pytest.raises(StudyError, match=r"^execution.slurm: .*'eth9' is not a valid network interface") as caught:
        slurm.connect()
    assert "\n" not in str(caught.value)


def test_a_job_that_left_the_queue_of_slurm_is_submitted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\necho 17\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(clusters, "QUEUE_INTERVAL_S", 0.0)
    workers = {name: SimpleNamespace(job_id=job, status=Status.running) for name, job in enumerate(("17", "18", None))}
    fake = FakeCluster(workers)
    monkeypatch.setattr(pytest.importorskip("dask_jobqueue"), "SLURMCluster", lambda **_: fake)
    monkeypatch.setattr(clusters, "Client", lambda *_, **__: None)
    monkeypatch.setattr(clusters, "own_security", lambda: "a TLS configuration")
    monkeypatch.setattr(clusters.shutil, "which", lambda program: f"/usr/bin/{program}")
    slurm = SlurmWorkers(3, {}, tmp_path)
    slurm.connect()
    fake.scaled.clear()
    assert slurm.mend() == ["SLURM job 18 has left the queue; submitting another job to replace it."]
    assert (sorted(fake.workers), fake.scaled) == ([0, 2], [3])
    squeue.write_text("#!/bin/sh\nexit 1\n")  # the controller does not answer
    assert slurm.mend() == []
    assert sorted(fake.workers) == [0, 2]


def test_workers_with_other_packages_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = package_versions()
    monkeypatch.setattr(workers, "package_versions", lambda: {**theirs, "keras": "99.0"})
    with pytest.raises(
        StudyError, match=rf"^worker .*: has keras {theirs['keras']} instead of 99\.0; install the same"
    ):
        DaskPool(LocalWorkers(1), tmp_path)


def test_a_worker_that_does_not_see_the_study_is_refused(tmp_path: Path) -> None:
    message = f"cannot access {tmp_path / 'absent'}; put the study on a file system shared by all workers"
    with pytest.raises(StudyError, match=re.escape(message)):
        DaskPool(LocalWorkers(1), tmp_path / "absent")


def test_workers_are_asked_about_themselves_by_a_name_that_stays() -> None:
    assert describe_worker.__module__ == "tem_rf.study.execution.workers"
