"""A training reports what it does, keeps its best network, and loses nothing when it is interrupted."""

import os
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from tem_rf.errors import DatasetError, RunError, TrainingError
from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import EpochEvent, StatusEvent, StepEvent, epochs
from tem_rf.training import train as train_module
from tem_rf.training.train import train
from tests.conftest import new_run


def final_state(run: RunFolder) -> dict[str, bytes]:
    """Bytes of every variable in the newest checkpoint, and of the best weights."""
    newest = sorted(run.checkpoint_folder.glob("*.npz"))[-1]
    with np.load(newest) as file:
        state = {name: file[name].tobytes() for name in file.files}
    model = keras.saving.load_model(run.model_file)
    return state | {f"best/{weight.path}": np.asarray(weight).tobytes() for weight in model.weights}


def without_times(events: list[EpochEvent]) -> list[dict]:
    measured = {"time", "patches_per_s", "duration_s", "input_wait", "memory_mb"}
    return [event.model_dump(exclude=measured) for event in events]


def test_a_training_reports_every_epoch_and_keeps_the_best_network(trained_run):
    reported = epochs(trained_run.events())
    assert [event.epoch for event in reported] == [1, 2, 3]
    assert process.state(trained_run) == "finished"
    assert reported[-1].loss < reported[0].loss
    best = max(reported, key=lambda event: event.validation_hard_dice)
    assert [event.is_best for event in reported][best.epoch - 1]
    assert trained_run.environment_file.exists()


def test_the_model_opens_with_keras_alone(trained_run):
    code = f"""
import sys, keras, numpy
model = keras.saving.load_model({str(trained_run.model_file)!r}, safe_mode=True)
assert model(numpy.zeros((1, 8, 8, 1), "float32")).shape == (1, 8, 8, 2)
assert "tem_rf" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_interrupted_training_ends_in_the_same_bits(trained_run, tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(train_module, "STEP_EVENT_INTERVAL_S", 0.0)
    run = new_run(tiny_dataset, tmp_path / "run")
    stops = iter([(1, 1), (1, 3), (2, 2), (3, 1)])  # epoch, step
    stop = next(stops)

    def stop_there(event):
        nonlocal stop
        if isinstance(event, StepEvent) and (event.epoch, event.step) == stop:
            process.ask(run, "stop")
            stop = next(stops, None)

    states = [train(run, listener=stop_there).state for _ in range(5)]
    assert states == ["stopped"] * 4 + ["finished"]
    assert final_state(run) == final_state(trained_run)
    assert without_times(epochs(run.events())) == without_times(epochs(trained_run.events()))


def test_another_seed_ends_in_other_bits(trained_run, tiny_dataset, tmp_path):
    config = trained_run.config.model_copy(update={"seed": 140})
    other = RunFolder.create_or_open(tmp_path / "other", config)
    train(other)
    assert final_state(other) != final_state(trained_run)


def test_a_paused_training_goes_on_when_the_request_is_withdrawn(tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(train_module, "STEP_EVENT_INTERVAL_S", 0.0)
    monkeypatch.setattr("tem_rf.training.interruption.PAUSE_POLL_S", 0.01)
    run = new_run(tiny_dataset, tmp_path / "run", epochs=1)

    def pause_once(event):
        if isinstance(event, StepEvent) and event.step == 1:
            process.ask(run, "pause")
        if isinstance(event, StatusEvent) and event.state == "paused":
            process.withdraw(run)

    assert train(run, listener=pause_once).state == "finished"
    states = [event.state for event in run.events() if isinstance(event, StatusEvent)]
    assert states == ["starting", "running", "paused", "running", "finished"]


def test_patience_ends_a_training_that_gets_no_better(tiny_dataset, tmp_path):
    run = new_run(tiny_dataset, tmp_path / "run", epochs=50, early_stopping_patience=1, learning_rate=1e-9)
    assert train(run).state == "finished"
    assert len(epochs(run.events())) < 50


def test_a_loss_that_becomes_nan_ends_with_the_step_and_the_advice(tiny_dataset, tmp_path):
    run = new_run(tiny_dataset, tmp_path / "run", learning_rate=1e38)
    with pytest.raises(TrainingError, match=r"became nan at step \d+ of epoch \d+.*smaller --learning-rate"):
        train(run)
    last = run.events()[-1]
    assert (last.state, process.state(run)) == ("failed", "failed")
    assert "became nan" in last.detail


def test_a_full_disk_ends_in_words_and_keeps_the_checkpoint_before(tiny_dataset, tmp_path, monkeypatch):
    run = new_run(tiny_dataset, tmp_path / "run", epochs=1)
    train(run)
    before = {path: path.read_bytes() for path in run.checkpoint_folder.iterdir()}
    config = run.config.model_copy(update={"training": run.config.training.model_copy(update={"epochs": 2})})
    run.config_file.write_text(config.model_dump_json())

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tem_rf.training.checkpoint.np.savez", full)
    with pytest.raises(Exception, match="no space left on the disk"):
        train(run)
    assert {path: path.read_bytes() for path in run.checkpoint_folder.iterdir()} == before


def test_a_dataset_that_changed_is_refused(trained_run, tiny_dataset, tmp_path):
    config = trained_run.config.model_copy(update={"dataset_sha256": "f" * 64})
    run = RunFolder.create_or_open(tmp_path / "run", config)
    with pytest.raises(DatasetError, match="is not the dataset this run began with"):
        train(run)
    assert process.state(run) == "failed"


def test_a_second_training_of_the_same_run_is_refused(tiny_dataset, tmp_path):
    run = new_run(tiny_dataset, tmp_path / "run")
    with process.claim(run), pytest.raises(RunError, match="is training this run"):
        train(run)


def start(run: RunFolder) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tem_rf", "resume", run.path], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_for_event(run: RunFolder, kind: type, child: subprocess.Popen) -> None:
    while not any(isinstance(event, kind) for event in run.events()):
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_end_cleanly_and_say_how_to_go_on(tiny_dataset, tmp_path, number, code):
    run = new_run(tiny_dataset, tmp_path / "run", epochs=10_000)
    child = start(run)
    wait_for_event(run, EpochEvent, child)
    child.send_signal(number)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == code
    assert f"tem-rf resume {run.path}" in stderr.replace("\n", "")
    assert "Traceback" not in stderr
    assert process.state(run) == "stopped"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills_at_random_moments_change_no_bit(tiny_dataset, tmp_path):
    settings = {"epochs": 12, "batch_size": 4}
    undisturbed = new_run(tiny_dataset, tmp_path / "undisturbed", **settings)
    train(undisturbed)
    run = new_run(tiny_dataset, tmp_path / "killed", **settings)
    moments = random.Random(752)
    kills = 0
    while kills < 50 and process.state(run) != "finished":
        child = start(run)
        # From the start of the interpreter to about an epoch or two of training.
        time.sleep(moments.uniform(0.0, 10.0))
        if child.poll() is None:
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
        child.communicate()
    train(run)
    assert final_state(run) == final_state(undisturbed)
    assert without_times(epochs(run.events())) == without_times(epochs(undisturbed.events()))
