"""Whatever is killed or frozen while a study runs, its table ends as that of a study that nothing happened to."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from distributed import Client

from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import Event
from tem_rf.study.driver import run_study
from tem_rf.study.events import RunEvent
from tem_rf.study.execution.clusters import Cluster, LocalWorkers, RunningScheduler
from tem_rf.study.folder import StudyFolder
from tests.helpers.drive_stub_study import EPOCH_S
from tests.helpers.pool_here import PoolHere
from tests.helpers.processes import kill, running_cluster, trainings
from tests.helpers.stub_study import new_study, on, run_events, stub_command, table, trial_ends
from tests.helpers.waiting import wait_for

# Dask warns of a busy machine; pytest makes that an error, which ends a local cluster.
pytestmark = pytest.mark.filterwarnings("ignore:Creating scratch directories")

SHORT_TTL_S = 1.0  # Dask makes it 5 s: ten heartbeats


@pytest.fixture(scope="module")
def undisturbed(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    study = new_study(tiny_dataset, tmp_path_factory.mktemp("study") / "undisturbed")
    run_study(study, lambda _: PoolHere())
    return study


@pytest.fixture
def study(tiny_dataset: Path, tmp_path: Path) -> StudyFolder:
    return new_study(tiny_dataset, tmp_path / "study")


def drive(study: StudyFolder, cluster: Cluster, fault: Callable[[], object], *, at_start: int = 3) -> None:
    """Run a study; the fault comes once the training of the third run to be started is under way."""
    starts = 0

    def listen(event: Event) -> None:
        nonlocal starts
        starts += isinstance(event, RunEvent) and event.state == "started"
        if isinstance(event, RunEvent) and event.state == "started" and starts == at_start:
            wait_for(lambda: process.is_alive(_run(study, event.run)))
            fault()

    run_study(study, on(cluster), listener=listen, command=stub_command("--epoch-s", EPOCH_S))
    assert starts >= at_start
    assert not trainings()


def a_worker() -> psutil.Process:
    return trainings()[-1].parent()


def test_a_killed_training_is_tried_again(study: StudyFolder, undisturbed: StudyFolder) -> None:
    drive(study, LocalWorkers(2), lambda: kill(trainings()[-1]))
    assert table(study) == table(undisturbed)
    assert [event.detail for event in run_events(study, "failed")] == ["its process was killed by SIGKILL"]


def test_a_killed_worker_is_replaced_and_its_run_goes_on(study: StudyFolder, undisturbed: StudyFolder) -> None:
    drive(study, LocalWorkers(2), lambda: kill(a_worker()))
    assert table(study) == table(undisturbed)
    assert len(run_events(study, "lost")) == 1
    assert not run_events(study, "failed")


@pytest.mark.slow
def test_a_frozen_worker_is_found_and_its_run_goes_on(study: StudyFolder, undisturbed: StudyFolder) -> None:
    drive(study, LocalWorkers(2, worker_ttl_s=SHORT_TTL_S), lambda: os.kill(a_worker().pid, signal.SIGSTOP))
    assert table(study) == table(undisturbed)
    assert not run_events(study, "failed")


def test_a_killed_nanny_takes_its_worker_along_and_the_others_do_its_work(
    study: StudyFolder, undisturbed: StudyFolder
) -> None:
    with running_cluster(2) as cluster:
        drive(study, RunningScheduler(cluster.address), lambda: kill(a_worker().parent()))
    assert table(study) == table(undisturbed)
    assert len(run_events(study, "lost")) == 1
    assert not run_events(study, "failed")


@pytest.mark.slow
def test_a_killed_scheduler_is_waited_for(study: StudyFolder, undisturbed: StudyFolder) -> None:
    with running_cluster(2) as cluster:

        def restart_scheduler() -> None:
            cluster.scheduler.kill()
            wait_for(lambda: not trainings())  # workers without a scheduler end, and their trainings with them
            cluster.start()

        drive(study, RunningScheduler(cluster.address), restart_scheduler)
    assert table(study) == table(undisturbed)
    assert {event.detail for event in run_events(study, "lost")} == {"the scheduler is gone"}
    assert not run_events(study, "failed")


@pytest.mark.slow
def test_a_local_scheduler_that_is_lost_is_replaced(
    study: StudyFolder, undisturbed: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = LocalWorkers(2)
    clients: list[Client] = []
    connect = cluster.connect

    def connect_and_remember() -> Client:
        clients.append(connect())
        return clients[-1]

    def close_the_scheduler() -> None:
        of_workers = clients[0].cluster
        of_workers.sync(of_workers.scheduler.close)

    monkeypatch.setattr(cluster, "connect", connect_and_remember)
    drive(study, cluster, close_the_scheduler)
    assert table(study) == table(undisturbed)
    assert not run_events(study, "failed")


@pytest.mark.slow
def test_a_killed_driver_takes_everything_along_and_goes_on_where_it_was(
    study: StudyFolder, undisturbed: StudyFolder
) -> None:
    with subprocess.Popen([sys.executable, "-m", "tests.helpers.drive_stub_study", study.path]) as driver:
        try:
            wait_for(lambda: run_events(study, "finished") and trainings(), timeout_s=300)
        finally:
            driver.kill()
    wait_for(lambda: not trainings())
    assert process.state(study) == "killed"
    run_study(study, on(LocalWorkers(2)), command=stub_command())
    assert table(study) == table(undisturbed)


def test_a_training_that_always_fails_is_recorded_with_its_error_and_the_study_goes_on(
    study: StudyFolder, undisturbed: StudyFolder
) -> None:
    run_study(study, on(LocalWorkers(2)), command=stub_command("--fails", "n2-p24-f1"))
    after, before = table(study), table(undisturbed)
    failed = [name for name in before if "n2-p24-f1" in name]
    assert {after[name][:2] for name in failed} == {("failed", "the loss became nan")}
    assert {name: result for name, result in after.items() if name not in failed} == {
        name: result for name, result in before.items() if name not in failed
    }
    assert trial_ends(study) == {"n2-p22-f1": "finished", "n2-p22-f2": "finished", "n2-p24-f1": "failed"}
    assert len(run_events(study, "failed")) == 2 * 3


def test_a_cancelled_study_kills_its_trainings_at_once_and_goes_on_later(
    study: StudyFolder, undisturbed: StudyFolder
) -> None:
    def cancel(event: Event) -> None:
        if isinstance(event, RunEvent) and event.state == "started":
            wait_for(lambda: process.is_alive(_run(study, event.run)))
            process.ask(study, "cancel")

    outcome = run_study(study, on(LocalWorkers(2)), listener=cancel, command=stub_command("--epoch-s", "60"))
    assert outcome.state == "stopped"
    assert not trainings()
    assert run_events(study, "cancelled")
    run_study(study, on(LocalWorkers(2)), command=stub_command())
    assert table(study) == table(undisturbed)


def _run(study: StudyFolder, name: str) -> RunFolder:
    return next(run for run in study.runs() if run.name == name)
