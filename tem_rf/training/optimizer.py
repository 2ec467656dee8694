"""Adam as the settings of a training ask for it: learning rate over the steps, average of the weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from tem_rf.config.training import TrainingSettings

WARM_UP = 0.05  # of all steps, before the cosine


def build_optimizer(settings: TrainingSettings, model: keras.Model, steps_per_epoch: int) -> keras.optimizers.Adam:
    """Adam with its state, for the trainable variables of a model.

    Args:
        settings: Settings of the training.
        model: The network.
        steps_per_epoch: Steps of an epoch, from which a schedule knows where it ends.
    """
    steps = settings.epochs * steps_per_epoch
    rate: float | keras.optimizers.schedules.CosineDecay = settings.learning_rate
    if settings.learning_rate_schedule == "cosine":
        warm_up = round(WARM_UP * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - warm_up, warmup_target=settings.learning_rate, warmup_steps=warm_up
        )
    momentum = settings.weight_averaging
    optimizer = keras.optimizers.Adam(rate, use_ema=momentum is not None, ema_momentum=momentum or 0.0)
    optimizer.build(model.trainable_variables)
    return optimizer


@contextmanager
def averaged_weights(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Give a model the average of its weights for as long as the block lasts, where the optimizer keeps one."""
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
