"""A training on Keras' JAX backend goes as on TensorFlow, on one device or several."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tem_rf.runs.events import epochs
from tem_rf.runs.folder import RunFolder
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
