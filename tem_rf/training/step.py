"""One optimizer step and one evaluation, compiled by the backend that Keras uses."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import keras
import numpy as np

from tem_rf.errors import TrainingError
from tem_rf.models.folding import FoldedUnet, can_fold, in_folded_order
from tem_rf.receptive_field.architecture import Architecture
from tem_rf.training.objective import Loss, batch_sums, mean_cross_entropy


class Stepper(Protocol):
    """Trains and evaluates one model batch by batch; images (n, h, w, 1), labels (n, h, w, 1).

    A batch of more than `patches_at_once` is computed in parts. A step that fails leaves the state as it was.
    """

    def train(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        """Take one optimizer step; returns `batch_sums` of the batch before the step."""

    def evaluate(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        """Returns `batch_sums` in inference mode."""

    def write_back(self) -> None:
        """Bring the model's and the optimizer's variables up to date."""

    def take_up(self) -> None:
        """Go on with the model's and the optimizer's variables as they are now."""


def build_stepper(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    architecture: Architecture,
    loss: Loss = mean_cross_entropy,
) -> Stepper:
    """Compile the steps of a model of this architecture and a built optimizer for the backend in use."""
    steppers: dict[str, Callable[[Any, Any, Architecture, Loss], Stepper]] = {
        "tensorflow": _TensorFlowStepper,
        "jax": _JaxStepper,
    }
    backend = keras.backend.backend()
    if backend not in steppers:
        raise TrainingError(f"KERAS_BACKEND: expected tensorflow or jax, received {backend}.")
    return steppers[backend](model, optimizer, architecture, loss)


def make_repeatable(seed: int) -> None:
    """Seed every generator, and on CPU let TensorFlow add up in one order, so that equal runs end in equal bits."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.list_physical_devices("GPU"):
            tf.config.experimental.enable_op_determinism()


class _TensorFlowStepper:
    def __init__(self, model: Any, optimizer: Any, architecture: Architecture, loss: Loss) -> None:
        import tensorflow as tf

        # XLA on CPU was slower than TensorFlow's own kernels and took half a minute to compile.
        on_gpu = bool(tf.config.list_logical_devices("GPU"))
        # Without AutoGraph, which reads the source file again when it compiles: by then it may be of another version.
        compiled = partial(tf.function, jit_compile=on_gpu, autograph=False)
        compiled_for_batches = partial(compiled, input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32)] * 2)

        folded = FoldedUnet(model, architecture) if can_fold(architecture) and not on_gpu else None

        def gradients_of(images: Any, labels: Any) -> Any:
            if folded:
                labels = in_folded_order(labels)  # neither loss nor scores depend on the order of pixels
            with tf.GradientTape() as tape:
                logits = folded.logits(images) if folded else model(images, training=True)
                mean_loss = loss(labels, logits)
            return batch_sums(labels, logits), tape.gradient(mean_loss, model.trainable_variables)

        def apply(gradients: Any) -> None:
            optimizer.apply(gradients, model.trainable_variables)

        @compiled_for_batches
        def train(images: Any, labels: Any) -> Any:
            sums, gradients = gradients_of(images, labels)
            apply(gradients)
            return sums

        @compiled_for_batches
        def evaluate(images: Any, labels: Any) -> Any:
            return batch_sums(labels, model(images, training=False))

        self._model, self._train, self._evaluate = model, train, evaluate
        self._gradients_of = compiled_for_batches(gradients_of)
        self._apply = compiled(apply)

    def train(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        import tensorflow as tf

        # What moves before the optimizer's step: the moving statistics of batch normalization.
        moving = [(variable, tf.identity(variable.value)) for variable in self._model.non_trainable_variables]
        try:
            if len(images) <= patches_at_once:
                return self._train(images, labels).numpy()
            sums, gradients = accumulate(self._gradients_of, images, labels, patches_at_once)
            self._apply(gradients)
            return sums
        except BaseException:
            for variable, value in moving:
                variable.assign(value)
            raise

    def evaluate(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        parts = split(images, labels, patches_at_once)
        return np.sum([self._evaluate(*part).numpy() for part in parts], axis=0)

    def write_back(self) -> None:
        """Nothing to do: TensorFlow's steps assign the variables themselves."""

    def take_up(self) -> None:
        """Nothing to do: TensorFlow's steps read the variables themselves."""


class _JaxStepper:
    def __init__(self, model: Any, optimizer: Any, _: Architecture, loss: Loss) -> None:
        import jax

        def loss_of(trainable: Any, rest: Any, images: Any, labels: Any) -> Any:
            logits, rest = model.stateless_call(trainable, rest, images, training=True)
            return loss(labels, logits), (batch_sums(labels, logits), rest)

        def gradients_of(state: Any, images: Any, labels: Any) -> Any:
            trainable, rest, optimizer_state = state
            (_, (sums, rest)), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable, rest, images, labels)
            return sums, gradients, (trainable, rest, optimizer_state)

        def apply(state: Any, gradients: Any) -> Any:
            trainable, rest, optimizer_state = state
            trainable, optimizer_state = optimizer.stateless_apply(optimizer_state, gradients, trainable)
            return trainable, rest, optimizer_state

        def train(state: Any, images: Any, labels: Any) -> Any:
            sums, gradients, state = gradients_of(state, images, labels)
            return sums, apply(state, gradients)

        def evaluate(state: Any, images: Any, labels: Any) -> Any:
            logits, _ = model.stateless_call(state[0], state[1], images, training=False)
            return batch_sums(labels, logits)

        self._groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        self._state: Any = None
        self.take_up()
        self._train, self._evaluate = jax.jit(train), jax.jit(evaluate)
        self._gradients_of, self._apply = jax.jit(gradients_of), jax.jit(apply)

    def train(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        state = self._state

        def gradients_of(images: np.ndarray, labels: np.ndarray) -> Any:
            nonlocal state
            sums, gradients, state = self._gradients_of(state, images, labels)
            return sums, gradients

        if len(images) <= patches_at_once:
            sums, state = self._train(state, images, labels)
        else:
            sums, gradients = accumulate(gradients_of, images, labels, patches_at_once)
            state = self._apply(state, gradients)
        sums = np.asarray(sums)  # waits for the step, which may fail
        self._state = state
        return sums

    def evaluate(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        parts = split(images, labels, patches_at_once)
        return np.sum([np.asarray(self._evaluate(self._state, *part)) for part in parts], axis=0)

    def write_back(self) -> None:
        for variables, values in zip(self._groups, self._state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def take_up(self) -> None:
        self._state = tuple([variable.value for variable in group] for group in self._groups)


def accumulate(
    gradients_of: Callable[[np.ndarray, np.ndarray], tuple[Any, list[Any]]],
    images: np.ndarray,
    labels: np.ndarray,
    patches_at_once: int,
) -> tuple[np.ndarray, list[Any]]:
    """Gradients of a batch, computed in parts.

    Args:
        gradients_of: Gives `batch_sums` and the gradients of the mean loss of a part.
        images: (n, h, w, 1) float32.
        labels: (n, h, w, 1) float32.
        patches_at_once: Patches of a part; the last part may have fewer.

    Returns:
        `batch_sums` of the batch, and the gradients of its mean loss.
    """
    sums, gradients = np.zeros(3, np.float32), None
    for part in split(images, labels, patches_at_once):
        part_sums, part_gradients = gradients_of(*part)
        share = len(part[0]) / len(images)
        scaled = [share * gradient for gradient in part_gradients]
        sums = sums + np.asarray(part_sums)
        gradients = scaled if gradients is None else [a + b for a, b in zip(gradients, scaled, strict=True)]
    return sums, gradients or []


def split(images: np.ndarray, labels: np.ndarray, patches_at_once: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cut a batch into parts of at most so many patches."""
    starts = range(0, len(images), patches_at_once)
    return [(images[start : start + patches_at_once], labels[start : start + patches_at_once]) for start in starts]
