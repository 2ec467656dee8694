"""One optimizer step and one evaluation, compiled by the backend that Keras uses."""

from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops

from tem_rf.errors import TrainingError
from tem_rf.training.objective import batch_sums, cross_entropy


class Stepper(Protocol):
    """Trains and evaluates one model batch by batch; images (n, h, w, 1), labels (n, h, w, 1)."""

    def train(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Take one optimizer step; returns `batch_sums` of the batch before the step."""

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Returns `batch_sums` in inference mode."""

    def write_back(self) -> None:
        """Bring the model's and the optimizer's variables up to date."""


def build_stepper(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Stepper:
    """Compile the steps of a model and a built optimizer for the backend in use."""
    steppers: dict[str, Callable[[Any, Any], Stepper]] = {"tensorflow": _TensorFlowStepper, "jax": _JaxStepper}
    backend = keras.backend.backend()
    if backend not in steppers:
        raise TrainingError(f"KERAS_BACKEND: expected tensorflow or jax, received {backend}.")
    return steppers[backend](model, optimizer)


def make_repeatable(seed: int) -> None:
    """Seed every generator, and on CPU let TensorFlow add up in one order, so that equal runs end in equal bits."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.list_physical_devices("GPU"):
            tf.config.experimental.enable_op_determinism()


class _TensorFlowStepper:
    def __init__(self, model: Any, optimizer: Any) -> None:
        import tensorflow as tf

        # XLA on CPU was slower than TensorFlow's own kernels and took half a minute to compile.
        on_gpu = bool(tf.config.list_logical_devices("GPU"))
        batch = [tf.TensorSpec((None, None, None, 1), tf.float32)] * 2

        @tf.function(input_signature=batch, jit_compile=on_gpu)
        def train(images: Any, labels: Any) -> Any:
            with tf.GradientTape() as tape:
                logits = model(images, training=True)
                loss = tf.reduce_mean(cross_entropy(labels, logits))
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            return batch_sums(labels, logits)

        @tf.function(input_signature=batch, jit_compile=on_gpu)
        def evaluate(images: Any, labels: Any) -> Any:
            return batch_sums(labels, model(images, training=False))

        self._train, self._evaluate = train, evaluate

    def train(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return self._train(images, labels).numpy()

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return self._evaluate(images, labels).numpy()

    def write_back(self) -> None:
        """Nothing to do: TensorFlow's steps assign the variables themselves."""


class _JaxStepper:
    def __init__(self, model: Any, optimizer: Any) -> None:
        import jax

        def loss(trainable: Any, rest: Any, images: Any, labels: Any) -> Any:
            logits, rest = model.stateless_call(trainable, rest, images, training=True)
            return ops.mean(cross_entropy(labels, logits)), (batch_sums(labels, logits), rest)

        def train(state: Any, images: Any, labels: Any) -> Any:
            trainable, rest, optimizer_state = state
            (_, (sums, rest)), gradients = jax.value_and_grad(loss, has_aux=True)(trainable, rest, images, labels)
            trainable, optimizer_state = optimizer.stateless_apply(optimizer_state, gradients, trainable)
            return sums, (trainable, rest, optimizer_state)

        def evaluate(state: Any, images: Any, labels: Any) -> Any:
            logits, _ = model.stateless_call(state[0], state[1], images, training=False)
            return batch_sums(labels, logits)

        self._groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        self._state: Any = tuple([variable.value for variable in group] for group in self._groups)
        self._train, self._evaluate = jax.jit(train), jax.jit(evaluate)

    def train(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        sums, self._state = self._train(self._state, images, labels)
        return np.asarray(sums)

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return np.asarray(self._evaluate(self._state, images, labels))

    def write_back(self) -> None:
        for variables, values in zip(self._groups, self._state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
