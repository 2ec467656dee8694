"""Training steps on JAX, over all devices of the machine."""

from typing import Any

import numpy as np

from tem_rf.models.layers import patch_weights
from tem_rf.training.objective import Objective
from tem_rf.training.steppers.accumulate import accumulate, split_into_microbatches


class JaxStepper:
    """A `Stepper` whose steps are pure functions of the state, compiled by XLA.

    The patches of a batch are divided among the devices, each of which holds the complete state. XLA sums over all
    devices, also for batch normalization, so the result is that of one device except for rounding. XLA compiles once
    per shape, for up to a minute, so a smaller batch is filled with patches of weight 0, which change nothing.
    """

    def __init__(self, model: Any, optimizer: Any, objective: Objective) -> None:
        import jax
        import jax.numpy as jnp
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        def loss_of(trainable: Any, rest: Any, images: Any, labels: Any, weights: Any) -> Any:
            with patch_weights(weights):
                logits, rest = model.stateless_call(trainable, rest, images, training=True)
            losses = jax.vmap(lambda *patch: objective.loss(*(each[None] for each in patch)))(labels, logits)
            return jnp.sum(weights * losses) / jnp.sum(weights), (sums_of(labels, logits, weights), rest)

        def sums_of(labels: Any, logits: Any, weights: Any) -> Any:
            return jnp.sum(weights * jnp.stack(objective.scores(labels, logits)), axis=1)  # (3, n) -> (3,)

        def gradients_of(state: Any, *batch: Any) -> Any:
            trainable, rest, optimizer_state = state
            (_, (sums, rest)), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable, rest, *batch)
            return sums, gradients, (trainable, rest, optimizer_state)

        def apply(state: Any, gradients: Any) -> Any:
            trainable, rest, optimizer_state = state
            trainable, optimizer_state = optimizer.stateless_apply(optimizer_state, gradients, trainable)
            return trainable, rest, optimizer_state

        def train(state: Any, *batch: Any) -> Any:
            sums, gradients, state = gradients_of(state, *batch)
            return sums, apply(state, gradients)

        def evaluate(state: Any, images: Any, labels: Any, weights: Any) -> Any:
            logits, _ = model.stateless_call(state[0], state[1], images, training=False)
            return sums_of(labels, logits, weights)

        self._trained, self._evaluated = _LargestBatch(), _LargestBatch()
        self._groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        devices = Mesh(np.array(jax.devices()), ("patches",))
        self._shared, self._everywhere = (NamedSharding(devices, PartitionSpec(*axes)) for axes in (["patches"], []))
        self._state: Any = None
        self.reload_variables()
        self._train, self._evaluate = jax.jit(train), jax.jit(evaluate)
        self._gradients_of, self._apply = jax.jit(gradients_of), jax.jit(apply)

    def train(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        """Take one optimizer step; returns `batch_sums` of the batch before the step."""
        state, largest = self._state, self._trained
        largest.include(len(images), patches_at_once)

        def gradients_of(images: np.ndarray, labels: np.ndarray) -> Any:
            nonlocal state
            sums, gradients, state = self._gradients_of(state, *self._on_devices(*largest.fill(images, labels)))
            return sums, gradients

        if len(images) <= patches_at_once:
            sums, state = self._train(state, *self._on_devices(*largest.fill(images, labels)))
        else:
            sums, gradients = accumulate(gradients_of, images, labels, patches_at_once)
            state = self._apply(state, gradients)
        sums = np.asarray(sums)  # waits for the step, which may fail
        self._state = state
        return sums

    def evaluate(self, images: np.ndarray, labels: np.ndarray, *, patches_at_once: int) -> np.ndarray:
        """Returns `batch_sums` in inference mode."""
        self._evaluated.include(len(images), patches_at_once)
        microbatches = split_into_microbatches(images, labels, patches_at_once)
        return np.sum([self._sums(*microbatch) for microbatch in microbatches], axis=0)

    def _sums(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return np.asarray(self._evaluate(self._state, *self._on_devices(*self._evaluated.fill(images, labels))))

    def write_back(self) -> None:
        """Update the model's and the optimizer's variables."""
        for variables, values in zip(self._groups, self._state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def reload_variables(self) -> None:
        """Continue with the current values of the model's and the optimizer's variables."""
        import jax

        values = tuple([variable.value for variable in group] for group in self._groups)
        self._state = jax.device_put(values, self._everywhere)

    def _on_devices(self, *arrays: np.ndarray) -> Any:
        """Give each device its share of the patches, or all of them if they cannot be divided evenly."""
        import jax

        can_share = len(arrays[0]) % self._shared.num_devices == 0
        return jax.device_put(arrays, self._shared if can_share else self._everywhere)


class _LargestBatch:
    """Fills batches to the size of the largest one so far."""

    def __init__(self) -> None:
        self._patches = 0

    def include(self, patches: int, patches_at_once: int) -> None:
        """Know a batch before it is computed. If it is split, more than `patches_at_once` do not fit into memory."""
        self._patches = patches_at_once if patches > patches_at_once else max(self._patches, patches)

    def fill(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images, labels and weights of the patches: repeated patches of weight 0 fill a smaller batch."""
        weights = (np.arange(self._patches) < len(images)).astype(np.float32)
        if len(images) < self._patches:
            images, labels = (np.resize(each, (self._patches, *each.shape[1:])) for each in (images, labels))
        return images, labels, weights
