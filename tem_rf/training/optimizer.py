"""Adam for the settings of a training, with its learning rate schedule and weight averaging."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import keras
import numpy as np

from tem_rf.config.training import TrainingSettings

WARM_UP = 0.05  # of all steps, before the cosine


def build_optimizer(
    settings: TrainingSettings, model: keras.Model, steps_per_epoch: int, *, restarts: Sequence[int] = ()
) -> keras.optimizers.Adam:
    """Adam with its state, for the trainable variables of a model.

    Args:
        settings: Settings of the training.
        model: The network.
        steps_per_epoch: Steps per epoch, which set the end of a schedule.
        restarts: Epochs before the last after which a cosine schedule restarts.
    """
    rate: float | _Cosines = settings.learning_rate
    if settings.learning_rate_schedule == "cosine":
        rate = _Cosines(settings.learning_rate, [epoch * steps_per_epoch for epoch in (*restarts, settings.epochs)])
    momentum = settings.weight_averaging
    optimizer = keras.optimizers.Adam(rate, use_ema=momentum is not None, ema_momentum=momentum or 0.0)
    optimizer.build(model.trainable_variables)
    return optimizer


class _Cosines(keras.optimizers.schedules.LearningRateSchedule):
    """Warm-up over the first 5 % of the steps, then cosine decay to 0; repeated for each end of the schedule."""

    def __init__(self, peak: float, ends: Sequence[int]) -> None:
        self.peak, self.ends = peak, tuple(ends)
        self._cycles = [(start, _cosine(peak, end - start)) for start, end in pairwise((0, *ends))]

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        (_, first), *later = self._cycles
        rate = first(step)
        for start, cycle in later:
            rate = keras.ops.where(step < start, rate, cycle(step - start))
        return rate

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments as JSON types."""
        return {"peak": self.peak, "ends": list(self.ends)}


def _cosine(peak: float, steps: int) -> keras.optimizers.schedules.CosineDecay:
    warm_up = round(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(0.0, steps - warm_up, warmup_target=peak, warmup_steps=warm_up)


@contextmanager
def averaged_weights(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Use the averaged weights in a model while the block runs, if the optimizer averages them."""
    if not optimizer.use_ema:
        yield
        return
    last = [np.asarray(variable) for variable in model.trainable_variables]
    optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, last, strict=True):
            variable.assign(value)
