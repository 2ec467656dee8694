"""The learning rate over the steps, and the average of the weights."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tem_rf import Architecture
from tem_rf.config.training import training_settings
from tem_rf.models.unet import build_unet
from tem_rf.runs import process
from tem_rf.runs.events import Event, StepEvent, epochs
from tem_rf.training import reporting as pace
from tem_rf.training.optimizer import averaged_weights, build_optimizer
from tem_rf.training.steppers.base import build_stepper
from tem_rf.training.train import train
from tests.helpers.outcome import final_state, without_times
from tests.helpers.run_folders import new_run


@pytest.fixture
def model() -> Any:
    return build_unet(Architecture((2, 2)), seed=752)


def take_steps(model: Any, optimizer: Any, count: int) -> list[list[np.ndarray]]:
    """Weights after each step."""
    generator = np.random.default_rng(0)
    images = generator.normal(size=(2, 16, 16, 1)).astype(np.float32)
    labels = (images > 0).astype(np.float32)
    stepper = build_stepper(model, optimizer, Architecture((2, 2)))
    weights = []
    for _ in range(count):
        stepper.train(images, labels, patches_at_once=2)
        weights.append([np.asarray(variable) for variable in model.trainable_variables])
    return weights


def test_a_constant_rate_stays(model: Any) -> None:
    optimizer = build_optimizer(training_settings("paper", epochs=2, learning_rate=0.01), model, steps_per_epoch=3)
    take_steps(model, optimizer, 6)
    assert float(optimizer.learning_rate) == pytest.approx(0.01)


def test_a_cosine_warms_up_and_ends_at_zero(model: Any) -> None:
    settings = training_settings("paper", epochs=10, learning_rate=0.01, learning_rate_schedule="cosine")
    optimizer = build_optimizer(settings, model, steps_per_epoch=4)
    rates = []
    for step in range(41):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates[:3] == pytest.approx([0.0, 0.005, 0.01])  # 2 of 40 steps
    assert rates[21] == pytest.approx(0.005)  # half-way down
    assert rates[40] == pytest.approx(0.0)
    assert all(np.diff(rates[2:]) < 0)


def test_a_cosine_of_a_run_that_was_extended_rises_and_falls_once_more(model: Any) -> None:
    settings = training_settings("paper", epochs=30, learning_rate=0.01, learning_rate_schedule="cosine")
    optimizer = build_optimizer(settings, model, steps_per_epoch=4, restarts=(10,))
    rates = []
    for step in range(121):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates[:4] == pytest.approx([0.0, 0.005, 0.01, rates[3]])  # the first 40 as if it ended there
    assert rates[39] < 1e-4
    assert rates[40:45] == pytest.approx([0.0, 0.0025, 0.005, 0.0075, 0.01])  # 4 of 80 steps
    assert rates[82] == pytest.approx(0.005)  # half-way down
    assert rates[120] == pytest.approx(0.0)


def test_the_average_of_the_weights_is_that_of_its_formula_and_lent_for_the_block(model: Any) -> None:
    optimizer = build_optimizer(training_settings("paper", weight_averaging=0.5), model, steps_per_epoch=3)
    first, second, third = take_steps(model, optimizer, 3)
    with averaged_weights(model, optimizer):
        for variable, a, b, c in zip(model.trainable_variables, first, second, third, strict=True):
            np.testing.assert_allclose(variable, 0.5 * c + 0.5 * (0.5 * b + 0.5 * a), atol=1e-6)
    for variable, c in zip(model.trainable_variables, third, strict=True):
        np.testing.assert_array_equal(variable, c)


def test_a_training_with_averaged_weights_repeats_itself_when_interrupted(
    tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "STEP_EVENT_INTERVAL_S", 0.0)
    changes: dict[str, Any] = {
        "weight_averaging": 0.9,
        "learning_rate_schedule": "cosine",
        "loss": "cross_entropy_dice",
    }
    whole, stopped = (new_run(tiny_dataset, tmp_path / name, **changes) for name in ("whole", "stopped"))
    train(whole)

    def stop_once(event: Event) -> None:
        if isinstance(event, StepEvent) and (event.epoch, event.step) == (2, 1):
            process.ask(stopped, "stop")

    assert train(stopped, listener=stop_once).state == "stopped"
    train(stopped)
    assert final_state(stopped) == final_state(whole)
    assert without_times(epochs(stopped.events())) == without_times(epochs(whole.events()))
    assert epochs(whole.events())[-1].learning_rate == pytest.approx(0.0, abs=1e-9)


def test_the_network_that_is_kept_has_the_averaged_weights(tiny_dataset: Path, tmp_path: Path) -> None:
    run = new_run(tiny_dataset, tmp_path / "run", epochs=1, weight_averaging=0.9)  # the only epoch is the best one
    train(run)
    kept = keras.saving.load_model(run.model_file).get_weights()
    with np.load(max(run.checkpoint_folder.glob("*.npz"))) as checkpoint:
        assert not np.array_equal(kept[0], checkpoint["0000"])
