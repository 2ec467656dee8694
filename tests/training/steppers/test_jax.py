"""A training on Keras' JAX backend goes as on TensorFlow, on one device or several."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tem_rf.runs.events import epochs
from tem_rf.runs.folder import RunFolder
from tem_rf.training.steppers.jax import _LargestBatch
from tests.helpers.run_folders import new_run

pytest.importorskip("jax", reason="JAX is not installed (pip install 'tem-rf[jax]')")

SCORES = ("loss", "soft_dice", "validation_loss", "validation_soft_dice")


def train_on_jax(run: RunFolder, *, devices: int) -> None:
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    command = [sys.executable, "-m", "tem_rf", "resume", str(run.path)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def curves(run: RunFolder) -> np.ndarray:
    return np.array([[getattr(event, score) for score in SCORES] for event in epochs(run.events())])


@pytest.fixture(scope="module")
def on_one_device(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = new_run(tiny_dataset, tmp_path_factory.mktemp("jax") / "run", epochs=1)
    train_on_jax(run, devices=1)
    return run


def test_the_first_epoch_is_that_of_tensorflow(trained_run: RunFolder, on_one_device: RunFolder) -> None:
    np.testing.assert_allclose(curves(on_one_device), curves(trained_run)[:1], atol=1e-3)


def test_a_network_with_a_distance_output_trains_as_on_tensorflow(
    distance_run: RunFolder, numbered_dataset: Path, tmp_path: Path
) -> None:
    run = new_run(numbered_dataset, tmp_path / "run", network="n2-p22-distance", epochs=1)
    train_on_jax(run, devices=1)
    np.testing.assert_allclose(curves(run), curves(distance_run)[:1], atol=1e-3)


FILLED_BATCHES = """
from tem_rf.models.backend import import_keras
import_keras()
import keras
import numpy as np
from tem_rf import Architecture, build_unet
from tem_rf.training.objective import objective
from tem_rf.training.steppers.base import build_stepper

architecture = Architecture((2,), filter_sequence=(2,))
generator = np.random.default_rng(752)
images = generator.normal(size=(5, 8, 8, 1)).astype(np.float32)
labels = (images > 0.5).astype(np.float32)
outcomes = []
for has_larger_batch in (True, False):
    model = build_unet(architecture, seed=752)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(model.trainable_variables)
    stepper = build_stepper(model, optimizer, architecture, objective("cross_entropy_dice"))
    start = [np.asarray(variable) for variable in (*model.variables, *optimizer.variables)]
    if has_larger_batch:
        stepper.train(images, labels, patches_at_once=5)
        stepper.evaluate(images, labels, patches_at_once=5)
        for variable, value in zip((*model.variables, *optimizer.variables), start, strict=True):
            variable.assign(value)
        stepper.reload_variables()
    sums = [step(images[:3], labels[:3], patches_at_once=3) for step in (stepper.evaluate, stepper.train)]
    stepper.write_back()
    outcomes.append([*sums, *(np.asarray(variable) for variable in (*model.variables, *optimizer.variables))])
    assert stepper._train._cache_size() == stepper._evaluate._cache_size() == 1
for filled, exact in zip(*outcomes, strict=True):
    np.testing.assert_allclose(filled, exact, rtol=1e-5, atol=1e-6)
assert any(np.any(start[at] != outcomes[0][at + 2]) for at in range(len(start)))
"""


def test_a_smaller_batch_is_filled_for_the_compiled_step_and_computed_as_it_is() -> None:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    ended = subprocess.run(
        [sys.executable, "-c", FILLED_BATCHES], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_batches_are_filled_to_the_largest_one_that_fits_into_memory() -> None:
    largest, patches = _LargestBatch(), np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1)

    def filled(batch: int, patches_at_once: int) -> list[tuple[int, float]]:
        largest.include(batch, patches_at_once)
        parts = [patches[start : start + patches_at_once] for start in range(0, batch, patches_at_once)]
        return [(len(each[0]), each[2].sum()) for each in (largest.fill(part[:batch], part[:batch]) for part in parts)]

    assert filled(4, 4) == [(4, 4)]
    assert filled(5, 5) == [(5, 5)]
    assert filled(2, 2) == [(5, 2)]
    assert filled(5, 3) == [(3, 3), (3, 2)]  # five did not fit into memory
    assert filled(1, 1) == [(3, 1)]


MOVING_VARIANCE = """
import numpy as np
from tem_rf.models.layers import FusedBatchNormalization
layer = FusedBatchNormalization(momentum=0.9, epsilon=1e-5)
layer(np.arange(8, dtype=np.float32).reshape(2, 2, 2, 1) ** 2, training=True)
print(float(np.asarray(layer.moving_variance)[0]))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_moving_variance_follows_the_unbiased_variance_on_both_backends(backend: str) -> None:
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    printed = subprocess.run(
        [sys.executable, "-c", MOVING_VARIANCE], env=environment, capture_output=True, text=True, check=True
    ).stdout
    expected = 0.9 + 0.1 * np.var(np.arange(8) ** 2, ddof=1)
    assert float(printed.split()[-1]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("devices", [2, 3])  # batches of 16, which two devices share and three cannot
def test_several_devices_change_nothing_but_rounding(
    on_one_device: RunFolder, tiny_dataset: Path, tmp_path: Path, devices: int
) -> None:
    run = new_run(tiny_dataset, tmp_path / "run", epochs=1)
    train_on_jax(run, devices=devices)
    np.testing.assert_allclose(curves(run), curves(on_one_device), atol=1e-4)
