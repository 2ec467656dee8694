"""The steps that a GPU takes (XLA, unfolded blocks, bfloat16, a last smaller batch) compiled and taken on the CPU."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from tem_rf import Architecture, build_unet
from tem_rf.errors import SettingsError
from tem_rf.models.backend import uses_xla
from tem_rf.runs.events import epochs
from tem_rf.training.steppers.base import DEFAULT_OBJECTIVE
from tem_rf.training.steppers.tensorflow import TensorFlowStepper, _LargestBatchByXla
from tests.helpers.repository import ROOT
from tests.helpers.run_folders import new_run
from tests.helpers.steps import KINDS, sums_of_steps

SMALL = Architecture((2,), filter_sequence=(1,), convolutions_per_block=1)
BATCHES = (5, 5, 3)  # the last one is smaller


def steps(architecture: Architecture, precision: str = "float32") -> tuple[np.ndarray, list[np.ndarray]]:
    """Train three batches and evaluate two: the sums of each, and the weights at the end."""
    stepper = new_stepper(architecture, precision)
    generator = np.random.default_rng(752)
    size = 4 * architecture.stride
    batches = [generator.normal(size=(n, size, size, 1)).astype(np.float32) for n in BATCHES]
    labels = [(batch > 0.5).astype(np.float32) for batch in batches]
    sums = [stepper.train(*pair, patches_at_once=8) for pair in zip(batches, labels, strict=True)]
    sums += [stepper.evaluate(batches[at], labels[at], patches_at_once=8) for at in (1, 2)]
    sums.append(stepper.train(batches[0], labels[0], patches_at_once=3))  # as where memory is short
    stepper.write_back()
    return np.array(sums), [np.asarray(weight) for weight in stepper._model.get_weights()]


def new_stepper(architecture: Architecture, precision: str = "float32") -> TensorFlowStepper:
    keras.config.set_dtype_policy(precision)
    try:
        model = build_unet(architecture, seed=752)
        optimizer = keras.optimizers.Adam(1e-3)
        optimizer.build(model.trainable_variables)
        return TensorFlowStepper(model, optimizer, architecture, DEFAULT_OBJECTIVE)
    finally:
        keras.config.set_dtype_policy("float32")


def check(architecture: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    sums, weights = steps(architecture)
    monkeypatch.setenv("TEM_RF_XLA", "on")
    sums_of_gpu, weights_of_gpu = steps(architecture)
    np.testing.assert_allclose(sums_of_gpu, sums, rtol=2e-3)
    for ours, theirs in zip(weights_of_gpu, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=5e-3)  # Adam moves a weight by 1e-3 a step, whatever its gradient
    rough, _ = steps(architecture, "mixed_bfloat16")
    np.testing.assert_allclose(rough[:, 0], sums[:, 0], rtol=0.05)


@pytest.fixture(autouse=True)
def _kernels_of_any_order() -> Iterator[None]:
    """As in a training with XLA, which has no deterministic gradient of max pooling; other tests may ask for it."""
    from tensorflow.python.framework import config

    deterministic = config.is_op_determinism_enabled()
    config.disable_op_determinism()
    yield
    if deterministic:
        config.enable_op_determinism()


def test_a_step_by_xla_is_that_of_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(752).normal(size=(3, 4, 4, 1)).astype(np.float32)
    labels = (images > 0).astype(np.float32)
    sums = {}
    for xla in ("off", "on"):
        monkeypatch.setenv("TEM_RF_XLA", xla)
        stepper = new_stepper(SMALL)
        sums[xla] = [stepper.train(images[:n], labels[:n], patches_at_once=8) for n in (3, 2)]  # two by the kernels
    np.testing.assert_allclose(sums["on"], sums["off"], rtol=1e-3)


def test_xla_gets_only_the_largest_batches() -> None:
    by_xla, by_kernels = [], []
    step = _LargestBatchByXla(
        lambda *arrays: by_xla.append(len(arrays[0])), lambda *arrays: by_kernels.append(len(arrays[0]))
    )
    for patches in (5, 5, 3, 5, 3):
        step(*[np.zeros((patches, 1, 1, 1), np.float32)] * 2)
    assert (by_xla, by_kernels) == ([5, 5, 5], [3, 3])


@pytest.mark.slow
@pytest.mark.timeout(1800)  # XLA compiles each network six times on a CPU
@pytest.mark.parametrize("kind", KINDS)
def test_xla_computes_the_steps_of_every_kind_of_network(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check(KINDS[kind], monkeypatch)


JAX_STEPS = """
from tem_rf.models.backend import import_keras
import_keras()
import json
from tests.helpers.steps import KINDS, sums_of_steps
print(json.dumps({kind: sums_of_steps(architecture).tolist() for kind, architecture in KINDS.items()}))
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)  # XLA compiles each network twice on a CPU
def test_jax_computes_the_steps_of_every_kind_of_network() -> None:
    pytest.importorskip("jax", reason="JAX is not installed (pip install 'tem-rf[jax]')")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", JAX_STEPS]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    on_jax = json.loads(ended.stdout.splitlines()[-1])
    for kind, architecture in KINDS.items():
        np.testing.assert_allclose(on_jax[kind], sums_of_steps(architecture), rtol=1e-3, err_msg=kind)


def test_where_xla_is_used_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked, expected in {"": (False, True), "gpu": (False, True), "off": (False, False), "on": (True, True)}.items():
        monkeypatch.setenv("TEM_RF_XLA", asked)
        assert (uses_xla(on_gpu=False), uses_xla(on_gpu=True)) == expected
    monkeypatch.setenv("TEM_RF_XLA", "yes")
    with pytest.raises(SettingsError, match="TEM_RF_XLA: expected one of gpu, off, on, received 'yes'"):
        uses_xla(on_gpu=True)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_xla_compiles_twice_in_a_training(tiny_dataset: Path, tmp_path: Path, backend: str) -> None:
    run = new_run(tiny_dataset, tmp_path / "run", epochs=2, batch_size=7)
    dump = tmp_path / "dump"
    environment = {"KERAS_BACKEND": backend, "TEM_RF_XLA": "on", "XLA_FLAGS": f"--xla_dump_to={dump}"}
    command = [sys.executable, "-m", "tem_rf", "resume", str(run.path)]
    ended = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert len(epochs(run.events())) == 2
    compiled = [path.name.split(".")[1] for path in dump.glob("module_*.before_optimizations.txt")]
    steps = [name for name in compiled if "train" in name or "evaluate" in name]
    assert len(steps) == 2, compiled  # the training step and the evaluation
