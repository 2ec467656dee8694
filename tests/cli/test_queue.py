"""`tem-rf queue` and `--detach`: what waits is shown, moved, removed, stopped and resumed."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tem_rf.jobs.queue import TrainingQueue
from tem_rf.runs import RunFolder, process
from tests.helpers.command import tem_rf
from tests.helpers.run_folders import new_run


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(TrainingQueue, "start_runner", lambda self: True)  # no process runs the queue
    return partial(tem_rf, capfd, monkeypatch)


@pytest.fixture
def waiting(run: Any, tiny_dataset: Path) -> Any:
    """Four runs in the queue."""
    detached = run("train", tiny_dataset, "--network", "n2-p22,n2-p24", "--seed", "1,2", "--detach", "--json")
    assert detached.code == 0
    return detached


def names(run: Any) -> list[str]:
    return [Path(each["run"]).name for each in json.loads(run("queue", "--json").stdout)["waiting"]]


def test_several_networks_and_seeds_wait_in_turn(run: Any, waiting: Any) -> None:
    results = json.loads(waiting.stdout)
    assert [(each["state"], each.get("position")) for each in results] == [
        *[("starting", None), ("queued", 1), ("queued", 2), ("queued", 3)]
    ]
    assert "runs/discs-n2-p22-best-s1: starting; see `tem-rf watch runs/discs-n2-p22-best-s1`\n" in waiting.stderr
    assert "runs/discs-n2-p24-best-s2: waiting in the queue, position 3; see `tem-rf queue`\n" in waiting.stderr
    listed = run("queue").stdout
    assert listed.startswith("Queue of runs: idle, 0 training, 4 waiting\n")
    assert "waiting, position 4" in listed


def test_waiting_runs_are_moved_removed_and_stopped(run: Any, waiting: Any) -> None:
    assert run("queue", "move", "discs-n2-p24-best-s2", 1).code == 0
    assert "discs-n2-p22-best-s2: removed from the queue" in run("queue", "remove", "discs-n2-p22-best-s2").stderr
    assert "runs/discs-n2-p24-best-s1: removed from the queue" in run("stop", "discs-n2-p24-best-s1").stderr
    assert names(run) == ["discs-n2-p24-best-s2", "discs-n2-p22-best-s1"]
    assert process.state(RunFolder(Path("runs/discs-n2-p22-best-s2"))) == "stopped"
    refused = run("queue", "remove", "discs-n2-p22-best-s2")
    assert (refused.code, len(refused.stderr.splitlines())) == (1, 1)
    assert "is not waiting in the queue of runs (similar:" in refused.stderr


def test_a_stopped_queue_says_how_to_go_on(run: Any, waiting: Any, tiny_dataset: Path) -> None:
    assert "resume with `tem-rf queue resume`" in run("queue", "stop").stderr
    again = run("train", tiny_dataset, "--network", "n2-p22", "--seed", 3, "--detach").stderr
    assert "runs/discs-n2-p22-best-s3: waiting in the queue, position 5" in again
    assert again.splitlines()[-1] == "runs: the queue is stopped; resume it with `tem-rf queue resume`"
    assert "queue resumed" in run("queue", "resume").stderr
    assert not TrainingQueue.of().read().is_stopped


def test_a_run_whose_folder_is_gone_is_shown_so(run: Any, waiting: Any) -> None:
    shutil.rmtree("runs/discs-n2-p22-best-s2")
    assert "folder is gone" in run("queue").stdout


def test_an_option_before_the_command_is_refused_rather_than_ignored(run: Any, waiting: Any) -> None:
    refused = run("queue", "--runs", "elsewhere", "stop")
    assert refused.code == 2
    assert "tem-rf queue stop --runs elsewhere" in refused.stderr
    assert not TrainingQueue.of().read().is_stopped


def test_a_run_that_is_trained_already_is_refused_by_name(run: Any, tiny_dataset: Path) -> None:
    folder = new_run(tiny_dataset, Path("runs/a"))
    with process.claim(folder):
        refused = run("resume", "a", "--detach")
    assert refused.code == 1
    assert "runs/a: is already training; watch it with `tem-rf watch runs/a`" in refused.stderr


def test_commands_name_another_folder_of_runs(run: Any, tiny_dataset: Path) -> None:
    new_run(tiny_dataset, Path("my runs/a"))
    new_run(tiny_dataset, Path("my runs/b"))
    run("resume", "a", "--detach", "--runs", "my runs")
    said = run("resume", "b", "--detach", "--runs", "my runs").stderr
    assert "see `tem-rf queue --runs 'my runs'`" in said
    listed = json.loads(run("queue", "--runs", "my runs", "--json").stdout)
    assert [each["run"] for each in listed["waiting"]] == ["my runs/a", "my runs/b"]
