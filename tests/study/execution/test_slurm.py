"""A study on workers that a real SLURM starts, encrypted, with one of its jobs cancelled on the way."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from distributed import Client

from tem_rf.runs.events import Event
from tem_rf.study.driver import run_study
from tem_rf.study.events import RunEvent
from tem_rf.study.execution import clusters
from tem_rf.study.execution.clusters import LocalWorkers, SlurmWorkers
from tests.helpers.slurm import jobs, running_slurm
from tests.helpers.stub_study import new_study, on, run_events, stub_command, table
from tests.helpers.waiting import wait_for

OPTIONS = {"cores": 1, "memory": "400MB", "walltime": "00:10:00", "queue": "main"}


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "slurm").mkdir()
    with running_slurm(tmp_path / "slurm") as configuration:
        monkeypatch.setenv("SLURM_CONF", str(configuration))
        yield configuration


@pytest.mark.slow
def test_a_study_on_slurm_ends_as_on_this_machine_though_a_job_is_cancelled(
    slurm: Path, tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="TLS certificates need the package cryptography")
    here = new_study(tiny_dataset, tmp_path / "here")
    run_study(here, on(LocalWorkers(2)), command=stub_command())
    study = new_study(tiny_dataset, tmp_path / "on-slurm")
    cluster = SlurmWorkers(2, OPTIONS, study.path)
    addresses: list[str] = []
    connect = cluster.connect

    def connect_and_remember() -> Client:
        client = connect()
        addresses.append(client.scheduler.address)
        return client

    monkeypatch.setattr(cluster, "connect", connect_and_remember)

    def listen(event: Event) -> None:
        if isinstance(event, RunEvent) and event.state == "started" and len(run_events(study, "started")) == 3:
            assert open_to_the_network() == {int(addresses[0].rpartition(":")[2])}
            subprocess.run(["scancel", "--signal=KILL", "--full", jobs(slurm)[0]], check=True)

    run_study(study, on(cluster), listener=listen, command=stub_command("--epoch-s", "0.5"))
    assert table(study) == table(here)
    assert addresses[0].startswith("tls://")
    assert len(run_events(study, "lost")) == 1
    assert not run_events(study, "failed")
    wait_for(lambda: not jobs(slurm), timeout_s=40)  # SLURM gives its jobs 30 s to end


@pytest.mark.slow
def test_a_job_that_is_cancelled_while_it_is_queued_is_submitted_again(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="TLS certificates need the package cryptography")
    monkeypatch.setattr(clusters, "QUEUE_INTERVAL_S", 0.0)
    workers = os.cpu_count() + 1
    cluster = SlurmWorkers(workers, OPTIONS, tmp_path)
    client = cluster.connect()
    try:
        wait_for(lambda: len(jobs(slurm)) == workers and jobs(slurm, "PENDING"))
        queued = jobs(slurm, "PENDING")[-1]
        subprocess.run(["scancel", queued], check=True)
        wait_for(lambda: queued not in jobs(slurm))
        assert cluster.mend() == [f"SLURM job {queued} has left the queue; submitting another job to replace it."]
        wait_for(lambda: len(jobs(slurm)) == workers)
    finally:
        client.close()
        cluster.close()


def open_to_the_network() -> set[int]:
    """Ports of this process that other machines can reach."""
    connections = psutil.Process().net_connections()
    return {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN and one.laddr.ip != "127.0.0.1"}
