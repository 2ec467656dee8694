"""One optimizer step and one evaluation, compiled by the backend that Keras uses."""

from typing import Protocol

import keras
import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.errors import TrainingError
from tem_rf.models.backend import uses_xla
from tem_rf.training.objective import Objective, image_scores, mean_cross_entropy

DEFAULT_OBJECTIVE = Objective(mean_cross_entropy, image_scores)


class Stepper(Protocol):
    """Trains and evaluates one model batch by batch; images (n, h, w, 1), labels as in `batches.Batch`.

    A batch of more than `patches_at_once` is computed in microbatches. A step that fails leaves the state unchanged.
    """

    def train(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        """Take one optimizer step; returns `batch_sums` of the batch before the step."""

    def evaluate(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        """Returns `batch_sums` in inference mode."""

    def write_back(self) -> None:
        """Update the model's and the optimizer's variables."""

    def reload_variables(self) -> None:
        """Continue with the current values of the model's and the optimizer's variables."""


def build_stepper(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    architecture: Architecture,
    objective: Objective = DEFAULT_OBJECTIVE,
) -> Stepper:
    """Compile the steps for a model of this architecture and a built optimizer, for the current backend."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from tem_rf.training.steppers.tensorflow import TensorFlowStepper

        return TensorFlowStepper(model, optimizer, architecture, objective)
    if backend == "jax":
        from tem_rf.training.steppers.jax import JaxStepper

        return JaxStepper(model, optimizer, objective)
    raise TrainingError(f"KERAS_BACKEND: expected tensorflow or jax, received {backend}.")


def make_repeatable(seed: int) -> None:
    """Seed all random generators. On CPU without XLA, TensorFlow sums in a fixed order: equal runs are identical."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.list_physical_devices("GPU") and not uses_xla(on_gpu=False):
            tf.config.experimental.enable_op_determinism()
