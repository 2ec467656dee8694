"""Try out one device: compiled training steps and a segmentation. Run as a module, it prints the outcome as JSON.

`try_device` runs it in a process of its own with a time limit, since a device can crash a process or never answer.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from tem_rf.config.machine import VARIABLES, Choice

LIMIT_S = 300.0
"""Where TensorFlow has no kernels for a GPU, the driver compiles all of them first, which takes minutes."""
NETWORK = "n2-p22"
PATCH_PX, PATCHES = 64, 4
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


@dataclass(frozen=True)
class Trial:
    """Outcome of the trial of a device.

    Attributes:
        loss: Loss of the first step, which is the same on every device within rounding; None if the trial failed.
        first_step_s: Duration of the first step with its compilation [s].
        step_s: Duration of a later step [s].
        segmentation_s: Duration of a segmentation [s].
        devices: Devices that the backend lists.
        cuda: CUDA version that TensorFlow was built with; empty for a CPU build.
        capabilities: Compute capabilities that TensorFlow has kernels for, such as `sm_80`.
        problem: Why the trial failed; empty if it did not.
        backend: Backend of Keras, `tensorflow` or `jax`.
    """

    loss: float | None = None
    first_step_s: float = 0.0
    step_s: float = 0.0
    segmentation_s: float = 0.0
    devices: tuple[str, ...] = ()
    cuda: str = ""
    capabilities: tuple[str, ...] = ()
    problem: str = ""
    backend: str = "tensorflow"

    @property
    def is_on_gpu(self) -> bool:
        """Whether the backend sees a GPU."""
        return any("gpu" in name.lower() or "cuda" in name.lower() for name in self.devices)


def try_device(gpu: str, use: Choice | None, *, limit_s: float = LIMIT_S) -> Trial:
    """Try out a device in a process of its own.

    Args:
        gpu: Name of a GPU, as in CUDA_VISIBLE_DEVICES; empty for the CPU.
        use: What computes; None: what trainings on this machine use.
        limit_s: After this time the process is killed [s].
    """
    chosen = VARIABLES[use] if use else {}
    environment = {**os.environ, **_QUIET, **chosen, "CUDA_VISIBLE_DEVICES": gpu}
    if not gpu:
        environment["JAX_PLATFORMS"] = "cpu"
    command = [sys.executable, "-m", "tem_rf.jobs.device_trial"]
    try:
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", check=False, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        return Trial(problem=f"no answer within {limit_s:g} s")
    try:
        content = json.loads(ended.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return Trial(problem=_reason(ended.stderr, ended.returncode))
    return Trial(**{**content, "devices": tuple(content["devices"]), "capabilities": tuple(content["capabilities"])})


def take_trial() -> Trial:
    """Train and segment on the device of this process."""
    from tem_rf.models.backend import import_keras

    import_keras()
    import keras
    import numpy as np

    from tem_rf.architecture import Architecture
    from tem_rf.config.training import training_settings
    from tem_rf.models.merging import compile_inference
    from tem_rf.models.unet import build_unet
    from tem_rf.training.optimizer import build_optimizer
    from tem_rf.training.steppers.base import build_stepper

    architecture = Architecture.from_name(NETWORK)
    model = build_unet(architecture, seed=752)
    stepper = build_stepper(model, build_optimizer(training_settings(), model, 100), architecture)
    images = np.random.default_rng(752).normal(size=(PATCHES, PATCH_PX, PATCH_PX, 1)).astype(np.float32)
    labels = (images > 1).astype(np.float32)
    about = _about_backend(keras.backend.backend())
    try:
        first_step_s, sums = _timed(stepper.train, images, labels, patches_at_once=PATCHES)
        step_s, _ = _timed(stepper.train, images, labels, patches_at_once=PATCHES)
        stepper.train(images[:-1], labels[:-1], patches_at_once=PATCHES)  # as the last batch of an epoch
        stepper.write_back()
        segmentation_s, logits = _timed(compile_inference(model, architecture), images[:1])
    except Exception as error:  # a device can raise anything
        return Trial(**about, problem=_one_line(f"{type(error).__name__}: {error}"))
    if not (np.isfinite(sums).all() and np.isfinite(logits).all()):
        return Trial(**about, problem="the training step gives infinite or NaN values")
    return Trial(float(sums[0]) / PATCHES, first_step_s, step_s, segmentation_s, **about)


def _about_backend(backend: str) -> dict[str, Any]:
    import keras

    try:
        devices = tuple(keras.distribution.list_devices("gpu"))
    except RuntimeError:  # JAX without a GPU
        devices = ()
    devices = devices or tuple(keras.distribution.list_devices("cpu"))
    if backend != "tensorflow":
        return {"backend": backend, "devices": devices}
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    return {
        "devices": devices,
        "cuda": str(build.get("cuda_version", "")),
        "capabilities": tuple(build.get("cuda_compute_capabilities", ())),
    }


def _timed(call: Any, *arguments: Any, **options: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call(*arguments, **options)
    return time.perf_counter() - start, result


def _reason(messages: str, exit_code: int) -> str:
    """Why a process ended without an outcome: its last error message, and the signal that killed it."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or line.startswith(("E0", "F0"))] or lines
    ended = f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
    return _one_line(f"{errors[-1]} ({ended})" if errors else f"its process ended ({ended})")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 240 else f"{line[:240]}..."


if __name__ == "__main__":
    print(json.dumps(asdict(take_trial())))
