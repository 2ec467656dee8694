"""Where a batch does not fit into memory, its parts give the same gradients."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tem_rf import Architecture, build_unet
from tem_rf.errors import TrainingError
from tem_rf.runs import process
from tem_rf.runs.events import EpochEvent, Event, NoticeEvent
from tem_rf.training import train as train_module
from tem_rf.training.steppers.base import build_stepper
from tem_rf.training.steppers.microbatch import MicrobatchStepper
from tem_rf.training.train import train
from tests.helpers.outcome import final_state
from tests.helpers.run_folders import new_run


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


class SmallMemory:
    """A stepper that has memory for a few patches only."""

    def __init__(self, stepper: Any, room: Any, error: Any) -> None:
        self.stepper, self.room, self.error, self.refused = stepper, room, error, 0

    def train(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        return self._limited(self.stepper.train, images, labels, patches_at_once)

    def evaluate(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        return self._limited(self.stepper.evaluate, images, labels, patches_at_once)

    def write_back(self) -> None:
        self.stepper.write_back()

    def reload_variables(self) -> None:
        self.stepper.reload_variables()

    def _limited(self, step: Any, images: np.ndarray, labels: np.ndarray, patches_at_once: int) -> np.ndarray:
        if min(len(images), patches_at_once) > self.room:
            self.refused += 1
            raise self.error
        return step(images, labels, patches_at_once=patches_at_once)


class Nothing:
    def train(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        return np.array([len(images), patches_at_once, 0])


@pytest.mark.parametrize(
    "error", [MemoryError(), ResourceExhaustedError("OOM"), RuntimeError("RESOURCE_EXHAUSTED: Out of memory")]
)
def test_patches_at_once_are_halved_until_they_fit(error: MemoryError | ResourceExhaustedError | RuntimeError) -> None:
    splits = []
    stepper = MicrobatchStepper(SmallMemory(Nothing(), 3, error), None, lambda *split: splits.append(split))
    batch = np.zeros((16, 8, 8, 1), np.float32)
    assert stepper.train(batch, batch).tolist() == [16, 2, 0]
    assert splits == [(8, 16), (4, 8), (2, 4)]


def test_where_no_patch_fits_the_error_says_what_to_change() -> None:
    stepper = MicrobatchStepper(SmallMemory(Nothing(), 0, MemoryError()), None, lambda *_: None)
    batch = np.zeros((2, 8, 16, 1), np.float32)
    with pytest.raises(TrainingError, match=r"one patch of 8 x 16 px fits into memory.*smaller `patch_size`"):
        stepper.train(batch, batch)


def test_other_errors_are_left_alone() -> None:
    stepper = MicrobatchStepper(SmallMemory(Nothing(), 0, ValueError("shape")), None, lambda *_: None)
    with pytest.raises(ValueError, match="shape"):
        stepper.train(np.zeros((2, 8, 8, 1)), np.zeros((2, 8, 8, 1)))


class FailingOptimizer(keras.optimizers.SGD):
    """Finds no memory when it is to apply the gradients."""

    def apply(self, *_: Any) -> None:
        raise MemoryError


def model_and_stepper(normalization: Any = "batch", optimizer: type[Any] = keras.optimizers.SGD) -> tuple[Any, Any]:
    architecture = Architecture((2, 2), normalization=normalization)
    model = build_unet(architecture, seed=752)
    built = optimizer(0.1)
    built.build(model.trainable_variables)
    return model, build_stepper(model, built, architecture)


def batch_of(patches: Any) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(752)
    images = generator.normal(size=(patches, 16, 16, 1)).astype(np.float32)
    return images, (images > 0.5).astype(np.float32)


def test_parts_and_the_whole_batch_give_the_same_step_where_no_statistics_depend_on_the_batch() -> None:
    (whole, one), (parts, other) = model_and_stepper("instance"), model_and_stepper("instance")
    sums = one.train(*batch_of(5), patches_at_once=5)
    assert np.allclose(other.train(*batch_of(5), patches_at_once=2), sums, rtol=1e-6)
    for a, b in zip(whole.weights, parts.weights, strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-6)
    assert np.allclose(other.evaluate(*batch_of(5), patches_at_once=2), one.evaluate(*batch_of(5), patches_at_once=5))


def test_a_step_that_fails_leaves_the_moving_statistics_as_they_were() -> None:
    model, stepper = model_and_stepper(optimizer=FailingOptimizer)
    before = [np.asarray(weight).tobytes() for weight in model.weights]
    with pytest.raises(MemoryError):
        stepper.train(*batch_of(4), patches_at_once=2)
    assert [np.asarray(weight).tobytes() for weight in model.weights] == before


def test_a_training_splits_says_so_and_a_restart_splits_in_the_same_way(
    tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steppers = []

    def build_small(*arguments: Any) -> SmallMemory:
        steppers.append(SmallMemory(build_stepper(*arguments), 5, MemoryError()))
        return steppers[-1]

    monkeypatch.setattr(train_module, "build_stepper", build_small)
    whole = new_run(tiny_dataset, tmp_path / "whole", epochs=2)
    train(whole)
    notices = [event.message for event in whole.events() if isinstance(event, NoticeEvent)]
    assert [notice.partition(":")[0] for notice in notices] == [
        "Out of memory with 16 patches at once",
        "Out of memory with 8 patches at once",
    ]
    assert "statistics of those 4" in notices[-1]

    interrupted = new_run(tiny_dataset, tmp_path / "interrupted", epochs=2)

    def stop_after_the_first_epoch(event: Event) -> None:
        if isinstance(event, EpochEvent) and event.epoch == 1:
            process.ask(interrupted, "stop")

    assert train(interrupted, listener=stop_after_the_first_epoch).state == "stopped"
    train(interrupted)
    assert [stepper.refused for stepper in steppers] == [2, 2, 0]
    assert final_state(interrupted) == final_state(whole)
