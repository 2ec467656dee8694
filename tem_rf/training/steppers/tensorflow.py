"""Training steps on TensorFlow."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.models.backend import uses_xla
from tem_rf.models.folding import FoldedUnet, can_fold, in_folded_order
from tem_rf.training.objective import Objective
from tem_rf.training.steppers.accumulate import accumulate, split_into_microbatches


class TensorFlowStepper:
    """A `Stepper` whose steps are TensorFlow functions: on a GPU compiled by XLA, on a CPU with folded blocks."""

    def __init__(self, model: Any, optimizer: Any, architecture: Architecture, objective: Objective) -> None:
        import tensorflow as tf

        on_gpu = bool(tf.config.list_logical_devices("GPU"))
        # XLA on CPU was slower than TensorFlow's own kernels and took half a minute to compile.
        by_xla = uses_xla(on_gpu=on_gpu)
        # Without AutoGraph, which reads the source file again when it compiles. The file may have changed by then.
        compiled = partial(tf.function, autograph=False)
        targets = 2 if architecture.has_distance else 1
        batches = [tf.TensorSpec((None, None, None, channels), tf.float32) for channels in (1, targets)]

        def compiled_for_batches(step: Callable[..., Any]) -> Callable[..., Any]:
            by_kernels = compiled(step, input_signature=batches)
            return _LargestBatchByXla(compiled(step, jit_compile=True), by_kernels) if by_xla else by_kernels

        folded = FoldedUnet(model, architecture) if can_fold(architecture) and not (on_gpu or by_xla) else None

        def gradients_of(images: Any, labels: Any) -> Any:
            if folded:
                labels = in_folded_order(labels)  # neither loss nor scores depend on the order of the pixels
            with tf.GradientTape() as tape:
                logits = folded.logits(images) if folded else model(images, training=True)
                mean_loss = objective.loss(labels, logits)
            return objective.sums(labels, logits), tape.gradient(mean_loss, model.trainable_variables)

        def apply(gradients: Any) -> None:
            optimizer.apply(gradients, model.trainable_variables)

        @compiled_for_batches
        def train(images: Any, labels: Any) -> Any:
            sums, gradients = gradients_of(images, labels)
            apply(gradients)
            return sums

        @compiled_for_batches
        def evaluate(images: Any, labels: Any) -> Any:
            return objective.sums(labels, model(images, training=False))

        self._model, self._train, self._evaluate = model, train, evaluate
        self._gradients_of = compiled_for_batches(gradients_of)
        self._apply = compiled(apply, jit_compile=by_xla)

    def train(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        """Take one optimizer step; returns `batch_sums` of the batch before the step."""
        import tensorflow as tf

        # What changes before the optimizer's step: the moving statistics of batch normalization.
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
        """Returns `batch_sums` in inference mode."""
        microbatches = split_into_microbatches(images, labels, patches_at_once)
        return np.sum([self._evaluate(*microbatch).numpy() for microbatch in microbatches], axis=0)

    def write_back(self) -> None:
        """Nothing to do: TensorFlow's steps assign the variables themselves."""

    def reload_variables(self) -> None:
        """Nothing to do: TensorFlow's steps read the variables themselves."""


class _LargestBatchByXla:
    """A step that XLA compiles for the largest batch. Smaller ones run on TensorFlow's own kernels.

    XLA compiles once per shape, for up to a minute. The last, smaller batch of an epoch is not worth that.

    Args:
        by_xla: The step, compiled by XLA.
        by_kernels: The step without XLA.
    """

    def __init__(self, by_xla: Callable[..., Any], by_kernels: Callable[..., Any]) -> None:
        self._by_xla, self._by_kernels, self._patches = by_xla, by_kernels, 0

    def __call__(self, images: np.ndarray, labels: np.ndarray) -> Any:
        """Take the step with (n, h, w, 1) images and labels."""
        import tensorflow as tf

        self._patches = max(self._patches, len(images))
        step = self._by_xla if len(images) == self._patches else self._by_kernels
        return step(tf.constant(images), tf.constant(labels))
