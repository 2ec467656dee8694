"""A training reports what it does, keeps its best network, and loses nothing when it is interrupted."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tem_rf.config.augmentation import augmentation_settings
from tem_rf.data.prepared import open_dataset
from tem_rf.errors import DatasetError, RunError, TrainingError
from tem_rf.evaluation.evaluate import evaluate_run
from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import EpochEvent, Event, StatusEvent, StepEvent, epochs
from tem_rf.runs.extension import extend
from tem_rf.runs.folder import default_name
from tem_rf.training import reporting as pace
from tem_rf.training.train import train
from tests.helpers.outcome import final_state, without_times
from tests.helpers.run_folders import new_run


def test_a_training_reports_every_epoch_and_keeps_the_best_network(trained_run: RunFolder) -> None:
    reported = epochs(trained_run.events())
    assert [event.epoch for event in reported] == [1, 2, 3]
    assert process.state(trained_run) == "finished"
    assert reported[-1].loss < reported[0].loss
    best = max(reported, key=lambda event: event.validation_hard_dice)
    assert [event.is_best for event in reported][best.epoch - 1]
    assert trained_run.environment_file.exists()


def test_the_model_opens_with_keras_alone(trained_run: RunFolder) -> None:
    code = f"""
import sys, keras, numpy
model = keras.saving.load_model({str(trained_run.model_file)!r}, safe_mode=True)
assert model(numpy.zeros((1, 8, 8, 1), "float32")).shape == (1, 8, 8, 2)
assert "tem_rf" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_interrupted_training_ends_in_the_same_bits(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "STEP_EVENT_INTERVAL_S", 0.0)
    run = new_run(tiny_dataset, tmp_path / "run")
    stops = iter([(1, 1), (1, 3), (2, 2), (3, 1)])  # epoch, step
    stop = next(stops)

    def stop_there(event: Event) -> None:
        nonlocal stop
        if isinstance(event, StepEvent) and (event.epoch, event.step) == stop:
            process.ask(run, "stop")
            stop = next(stops, None)

    states = [train(run, listener=stop_there).state for _ in range(5)]
    assert states == ["stopped"] * 4 + ["finished"]
    assert final_state(run) == final_state(trained_run)
    assert without_times(epochs(run.events())) == without_times(epochs(trained_run.events()))


def test_an_extended_training_ends_in_the_bits_of_one_asked_for_as_many_epochs_at_once(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    run = new_run(tiny_dataset, tmp_path / "run", epochs=1)
    train(run)
    extend(run, 2)

    def extend_while_it_runs(event: Event) -> None:
        if isinstance(event, EpochEvent) and event.epoch == 2:
            extend(run, 3)

    train(run, listener=extend_while_it_runs)
    assert final_state(run) == final_state(trained_run)


def test_an_extended_cosine_ends_in_the_same_bits_whether_extended_between_or_in_the_middle(
    tiny_dataset: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"epochs": 2, "learning_rate_schedule": "cosine"}
    between, during = (new_run(tiny_dataset, tmp_path / name, **settings) for name in ("between", "during"))
    train(between)
    extend(between, 4)
    train(between)

    def extend_in_the_first_epoch(event: Event) -> None:
        if isinstance(event, EpochEvent) and event.epoch == 1:
            extend(during, 4)

    train(during, listener=extend_in_the_first_epoch)
    rates = [[event.learning_rate for event in epochs(run.events())] for run in (between, during)]  # of the next step
    assert rates[0][1] == pytest.approx(0)
    assert rates[1][1] == pytest.approx(during.config.training.learning_rate)
    assert rates[0][2:] == rates[1][2:]
    assert final_state(during) == final_state(between)


def test_scores_go_with_the_network_that_they_are_of_and_not_before(tiny_dataset: Path, tmp_path: Path) -> None:
    run = new_run(tiny_dataset, tmp_path / "run", epochs=1)
    train(run)
    evaluate_run(run, open_dataset(tiny_dataset))
    scores = run.scores_file.read_bytes()
    shutil.copytree(run.path, tmp_path / "copy", copy_function=shutil.copyfile)  # without the times of the files
    assert RunFolder(tmp_path / "copy").is_scored
    extend(run, 2)
    train(run)
    network_changed = epochs(run.events())[-1].is_best
    assert network_changed, "the example no longer gets better in its second epoch"
    assert not run.is_scored
    assert not run.masks_file.exists()
    evaluate_run(run, open_dataset(tiny_dataset))
    assert run.is_scored
    assert run.scores_file.read_bytes() != scores


def test_another_seed_ends_in_other_bits(trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path) -> None:
    config = trained_run.config.model_copy(update={"seed": 140})
    other = RunFolder.create_or_open(tmp_path / "other", config)
    train(other)
    assert final_state(other) != final_state(trained_run)


def test_a_paused_training_goes_on_when_the_request_is_withdrawn(
    tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "STEP_EVENT_INTERVAL_S", 0.0)
    monkeypatch.setattr("tem_rf.runs.interruption.PAUSE_POLL_S", 0.01)
    run = new_run(tiny_dataset, tmp_path / "run", epochs=1)

    def pause_once(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == 1:
            process.ask(run, "pause")
        if isinstance(event, StatusEvent) and event.state == "paused":
            process.clear_request(run)

    assert train(run, listener=pause_once).state == "finished"
    states = [event.state for event in run.events() if isinstance(event, StatusEvent)]
    assert states == ["starting", "running", "paused", "running", "finished"]


def test_tensorboard_gets_every_epoch_where_its_folder_was_made(tiny_dataset: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = new_run(tiny_dataset, tmp_path / "run")
    run.tensorboard_folder.mkdir()
    train(run)
    reported = epochs(run.events())
    for folder, prefix in (("training", ""), ("validation", "validation_")):
        curves = EventAccumulator(str(run.tensorboard_folder / folder), size_guidance={"tensors": 0}).Reload()
        points = [(point.step, tf.make_ndarray(point.tensor_proto)) for point in curves.Tensors("hard_dice")]
        expected = [(event.epoch, np.float32(getattr(event, f"{prefix}hard_dice"))) for event in reported]
        assert points == expected


def test_patience_ends_a_training_that_gets_no_better(tiny_dataset: Path, tmp_path: Path) -> None:
    run = new_run(tiny_dataset, tmp_path / "run", epochs=50, early_stopping_patience=1, learning_rate=1e-9)
    assert train(run).state == "finished"
    assert len(epochs(run.events())) < 50


def test_a_loss_that_becomes_nan_ends_with_the_step_and_the_advice(tiny_dataset: Path, tmp_path: Path) -> None:
    run = new_run(tiny_dataset, tmp_path / "run", learning_rate=1e38)
    with pytest.raises(TrainingError, match=r"became nan at step \d+ of epoch \d+.*smaller `learning_rate`"):
        train(run)
    last = run.events()[-1]
    assert (last.state, process.state(run)) == ("failed", "failed")
    assert "became nan" in last.detail


def test_a_dataset_that_changed_is_refused(trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path) -> None:
    config = trained_run.config.model_copy(update={"dataset_sha256": "f" * 64})
    run = RunFolder.create_or_open(tmp_path / "run", config)
    with pytest.raises(DatasetError, match="is not the dataset this run started with"):
        train(run)
    assert process.state(run) == "failed"


def test_a_second_training_of_the_same_run_is_refused(tiny_dataset: Path, tmp_path: Path) -> None:
    run = new_run(tiny_dataset, tmp_path / "run")
    with process.claim(run), pytest.raises(RunError, match="is training this run"):
        train(run)


def start(run: RunFolder) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tem_rf", "resume", run.path], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_for_event(run: RunFolder, kind: type, child: subprocess.Popen[str]) -> None:
    while not any(isinstance(event, kind) for event in run.events()):
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_end_cleanly_and_say_how_to_go_on(
    tiny_dataset: Path, tmp_path: Path, number: Any, code: int
) -> None:
    run = new_run(tiny_dataset, tmp_path / "my runs [x]" / "run", epochs=10_000)
    child = start(run)
    wait_for_event(run, EpochEvent, child)
    child.send_signal(number)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == code
    assert f"Resume with: tem-rf resume '{run.path}'\n" in stderr
    assert "Traceback" not in stderr
    assert process.state(run) == "stopped"


@pytest.mark.parametrize(
    ("learning_rate", "what"), [(1e39, "a weight became infinite or NaN"), (1e38, "the validation loss became nan")]
)
def test_weights_beyond_use_reach_neither_checkpoint_nor_model(
    tiny_dataset: Path, tmp_path: Path, learning_rate: float, what: str
) -> None:
    run = new_run(tiny_dataset, tmp_path / "run", epochs=1, batch_size=10_000, learning_rate=learning_rate)
    with pytest.raises(TrainingError, match=f"{what} at step 1 of epoch 1; the previous checkpoint is kept"):
        train(run)
    assert not run.model_file.exists()
    assert not run.checkpoint_folder.exists()


def test_a_damaged_checkpoint_is_set_aside_and_the_training_still_ends_in_the_same_bits(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    run = new_run(tiny_dataset, tmp_path / "run")
    shutil.copytree(trained_run.path, run.path, dirs_exist_ok=True)
    newest = max(run.checkpoint_folder.iterdir())
    newest.write_bytes(newest.read_bytes()[:1000])
    train(run)
    assert final_state(run) == final_state(trained_run)
    assert newest.with_suffix(".damaged").exists()
    assert any(
        "cannot be read; resuming from the previous checkpoint" in e.message for e in run.events() if e.kind == "notice"
    )


def test_an_augmented_training_differs_and_repeats_itself_when_interrupted(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "STEP_EVENT_INTERVAL_S", 0.0)
    config = trained_run.config.model_copy(update={"augmentation": augmentation_settings(noise_sd=0.5, gain=0.2)})
    whole, stopped = (RunFolder.create_or_open(tmp_path / name, config) for name in ("whole", "stopped"))
    train(whole)

    def stop_once(event: Event) -> None:
        if isinstance(event, StepEvent) and (event.epoch, event.step) == (2, 1):
            process.ask(stopped, "stop")

    assert train(stopped, listener=stop_once).state == "stopped"
    train(stopped)
    assert final_state(stopped) == final_state(whole)
    assert final_state(whole) != final_state(trained_run)
    assert config.trial != trained_run.config.trial
    assert default_name(config) == "discs-n2-p22-paper-augmented-s752"


def test_what_is_built_after_a_training_in_bfloat16_is_of_float32_again(tiny_dataset: Path, tmp_path: Path) -> None:
    before = keras.config.dtype_policy().name
    train(new_run(tiny_dataset, tmp_path / "run", epochs=1, precision="mixed_bfloat16"))
    assert keras.config.dtype_policy().name == before == "float32"
