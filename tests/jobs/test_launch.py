"""Trainings are started in this process, one after the other, or in the background."""

import json
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tem_rf.errors import DatasetError
from tem_rf.jobs import launch
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import EpochEvent
from tests.helpers.processes import wait_for
from tests.helpers.run_folders import new_run


class Recorded:
    """A report that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.events: list[Any] = []

    def tell(self, line: Any) -> None:
        self.lines.append(line)

    @contextmanager
    def training(self, run: RunFolder) -> Any:
        yield self.events.append

    def scoring(self, run: RunFolder) -> Any:
        return nullcontext()


def test_a_training_here_reports_its_epochs_and_is_scored_once(tiny_dataset: Path, tmp_path: Path) -> None:
    run, report = new_run(tiny_dataset, tmp_path / "runs/here", epochs=1), Recorded()
    assert launch.train_here(run, evaluate=True, report=report) is None
    assert [event.epoch for event in report.events if isinstance(event, EpochEvent)] == [1]
    assert report.lines[0] == f"{run.path}: starting"
    assert "scores of" in report.lines[-1]
    again = Recorded()
    launch.train_here(run, evaluate=True, report=again)
    assert again.lines == [f"{run.path}: already finished."]


def test_missing_test_images_are_said_before_the_training(
    tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tiny_dataset, tmp_path / "runs/here")
    content = json.loads(run.config_file.read_text())
    run.config_file.write_text(json.dumps({**content, "dataset": str(tmp_path / "gone")}))
    monkeypatch.setattr(launch, "import_keras", lambda: pytest.fail("the training began"))
    with pytest.raises(DatasetError, match="gone"):
        launch.train_here(run, evaluate=True)


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trainings are a script that notes its arguments, and ends with the code in the file `code` of the run."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexit $(cat "$4/code")\n')
    script.chmod(0o755)
    monkeypatch.setattr(launch.sys, "executable", str(script))
    return tmp_path / "calls"


@pytest.mark.parametrize(("codes", "called", "code"), [("000", 3, 0), ("010", 3, 1), ("200", 3, 2)])
def test_one_that_fails_in_the_foreground_does_not_hold_up_the_next(
    tiny_dataset: Path, tmp_path: Path, interpreter: Any, codes: Any, called: Any, code: Any
) -> None:
    runs = [new_run(tiny_dataset, tmp_path / f"runs/{number}") for number in range(3)]
    for run, exit_code in zip(runs, codes, strict=True):
        (run.path / "code").write_text(exit_code)
    report = Recorded()
    assert launch.train_one_after_the_other(runs, evaluate=True, report=report) == code
    calls = interpreter.read_text().splitlines()
    assert calls == [f"-m tem_rf resume {run.path} --evaluate" for run in runs[:called]]
    assert len(report.lines) == 3 - codes.count("0")


def test_a_signal_in_the_foreground_ends_all(tiny_dataset: Path, tmp_path: Path, interpreter: Any) -> None:
    runs = [new_run(tiny_dataset, tmp_path / f"runs/{number}") for number in range(2)]
    (runs[0].path / "code").write_text("143")
    assert launch.train_one_after_the_other(runs, report=Recorded()) == 143
    assert len(interpreter.read_text().splitlines()) == 1


def test_real_trainings_in_the_background_are_trained_and_scored_in_turn(tiny_dataset: Path, tmp_path: Path) -> None:
    runs = [new_run(tiny_dataset, tmp_path / "runs" / name, epochs=1) for name in "ab"]
    launched = launch.train_in_background(runs, evaluate=True)
    assert [(each.state, each.position) for each in launched] == [("starting", None), ("queued", 1)]
    queue = TrainingQueue.of(tmp_path / "runs")
    wait_for(lambda: not process.has_process(queue), timeout_s=500)
    assert [process.state(run) for run in runs] == ["finished", "finished"]
    assert all(run.is_scored for run in runs)
    ended, started = runs[0].events()[-1].time, runs[1].events()[1].time
    assert ended < started
    assert [each.state for each in launch.train_in_background(runs, evaluate=True)] == ["finished", "finished"]
