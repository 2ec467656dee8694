"""Runs and studies are mirrored to MLflow from their files, each epoch once, whatever happens to the mirror."""

from pathlib import Path
from typing import Any

import pytest

from tem_rf.errors import StorageError
from tem_rf.jobs.mlflow_mirror import Followed, MlflowMirror
from tem_rf.runs.events import EpochEvent, StatusEvent
from tem_rf.runs.folder import RunFolder
from tem_rf.study.folder import StudyFolder
from tests.helpers.command import tem_rf
from tests.helpers.run_folders import epoch_event, write_run

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed (pip install 'tem-rf[mlflow]')")


def mirrored(to: Path, experiment: str = "tem-rf") -> list[Any]:
    """What MLflow holds, as a user of MLflow reads it."""
    client = mlflow.MlflowClient(tracking_uri=to.as_uri())
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id]) if found else []
    return [(run, [m.step for m in client.get_metric_history(run.info.run_id, "hard_dice")]) for run in runs]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    made = write_run(tmp_path / "runs", "n2-p22", state=None)
    made.event_log().write(StatusEvent(state="running"))
    return made


def test_an_epoch_is_sent_once_also_by_a_mirror_that_starts_again(run: RunFolder, tmp_path: Path) -> None:
    before = len([event for event in run.events() if isinstance(event, EpochEvent)])
    for number in (1, 2, 3):
        run.event_log().write(epoch_event(before + number))
        for view, experiment in Followed([run]).poll():
            MlflowMirror(str(tmp_path / "mlruns")).send(view, experiment)
    ((sent, steps),) = mirrored(tmp_path / "mlruns")
    assert steps == list(range(1, before + 4))
    assert sent.data.params["network"] == "n2-p22"
    assert sent.data.params["seed"] == "1"
    assert sent.data.metrics["validation_hard_dice"] == 0.5


def test_the_state_follows_that_of_the_run_and_a_resumed_run_runs_again(run: RunFolder, tmp_path: Path) -> None:
    mirror, followed, states = MlflowMirror(str(tmp_path / "mlruns")), Followed([run]), []
    for state in ("failed", "queued", "finished"):
        run.event_log().write(StatusEvent(state=state))
        for view, experiment in followed.poll():
            mirror.send(view, experiment)
        states.append(mirrored(tmp_path / "mlruns")[0][0].info.status)
    assert states == ["FAILED", "RUNNING", "FINISHED"]
    assert not followed.is_live()


def test_a_study_is_an_experiment_whose_runs_appear_as_they_start(tmp_path: Path) -> None:
    study = StudyFolder(tmp_path / "studies" / "field")
    followed, mirror = Followed([], [study]), MlflowMirror(str(tmp_path / "mlruns"))
    for network in ("n2-p22", "n2-p44"):
        write_run(study.runs_folder, network)
        for view, experiment in followed.poll():
            mirror.send(view, experiment)
    names = {sent.data.params["network"] for sent, _ in mirrored(tmp_path / "mlruns", "tem-rf/field")}
    assert names == {"n2-p22", "n2-p44"}


def test_settings_that_could_not_be_sent_are_sent_later(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    (view, experiment), to = next(Followed([run]).poll()), str(tmp_path / "mlruns")
    with monkeypatch.context() as full:
        full.setattr(mlflow.MlflowClient, "log_batch", refuse)
        with pytest.raises(StorageError, match="No space left on device"):
            MlflowMirror(to).send(view, experiment)
    MlflowMirror(to).send(view, experiment)
    ((sent, steps),) = mirrored(tmp_path / "mlruns")
    assert sent.data.params["network"] == "n2-p22"
    assert steps == [event.epoch for event in view.epochs]


def test_a_server_that_is_away_for_a_while_is_one_line_and_gets_everything_later(
    run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outages, send = iter(range(3)), MlflowMirror.send

    def away_at_first(self: MlflowMirror, *about: Any) -> int:
        if next(outages, None) is not None:
            raise StorageError("server: MLflow cannot write there.")
        return send(self, *about)

    run.event_log().write(StatusEvent(state="finished"))
    monkeypatch.setattr(MlflowMirror, "send", away_at_first)
    monkeypatch.setattr("tem_rf.cli.mlflow.RETRY_S", 0.0)
    result = tem_rf(capfd, monkeypatch, "mlflow", run.path, "--to", str(tmp_path / "mlruns"), "--follow")
    assert result.code == 0
    assert result.stderr.count("MLflow cannot write there. Trying again") == 1
    ((sent, _),) = mirrored(tmp_path / "mlruns")
    assert sent.info.status == "FINISHED"


def test_a_server_that_cannot_be_reached_is_one_line(
    run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = tem_rf(capfd, monkeypatch, "mlflow", run.path, "--to", "http://127.0.0.1:9")
    assert result.code == 1
    assert "MLflow cannot write there" in result.stderr
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="MLflow cannot write there"):
        MlflowMirror(str(tmp_path / "file" / "mlruns")).send(*next(Followed([run]).poll()))
