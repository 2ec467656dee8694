"""What is drawn of the epochs of a run: values against epochs, steps or time, smoothed on request."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from tem_rf.runs.view import RunView

Axis = Literal["epoch", "step", "time"]
AXES: tuple[Axis, ...] = ("epoch", "step", "time")
SMOOTHINGS = (0.0, 0.6, 0.9)
_LONGEST = {"s": 180.0, "min": 3 * 3600.0}


@dataclass(frozen=True)
class Curve:
    """One quantity of one run.

    Attributes:
        x: Positions on the horizontal axis.
        training: Values of the training patches.
        validation: Values of the validation patches.
    """

    x: tuple[float, ...]
    training: tuple[float, ...]
    validation: tuple[float, ...]


def curve_of(run: RunView, quantity: str, axis: Axis = "epoch", smoothing: float = 0.0) -> Curve:
    """Return the values of a quantity, `loss` or `hard_dice`, per epoch.

    Args:
        run: The run.
        quantity: Its name in the events.
        axis: The horizontal axis: epochs, optimizer steps, or time in training [s].
        smoothing: Weight of the previous values, from 0 (none) to below 1.
    """
    training = [getattr(each, quantity) for each in run.epochs]
    validation = [getattr(each, f"validation_{quantity}") for each in run.epochs]
    return Curve(_positions(run, axis), smooth(training, smoothing), smooth(validation, smoothing))


def smooth(values: Sequence[float], weight: float) -> tuple[float, ...]:
    """Return the exponential moving average, corrected for its start, as in TensorBoard.

    >>> smooth([1.0, 1.0, 1.0], 0.9), smooth([0.0, 1.0], 0.5)
    ((1.0, 1.0, 1.0), (0.0, 0.6666666666666666))
    """
    mean = total = 0.0
    means = []
    for value in values:
        mean, total = weight * mean + (1 - weight) * value, weight * total + (1 - weight)
        means.append(round(mean, 12) / round(total, 12))
    return tuple(means)


def time_unit(longest_s: float) -> tuple[float, str]:
    """Return the seconds per unit and the unit for a time axis.

    >>> time_unit(90), time_unit(3600), time_unit(1e5)
    ((1.0, 's'), (60.0, 'min'), (3600.0, 'h'))
    """
    if longest_s <= _LONGEST["s"]:
        return 1.0, "s"
    return (60.0, "min") if longest_s <= _LONGEST["min"] else (3600.0, "h")


def _positions(run: RunView, axis: Axis) -> tuple[float, ...]:
    if axis == "time":
        return tuple(accumulate(each.duration_s for each in run.epochs))
    per_epoch = run.step.steps if axis == "step" and run.step is not None else 1
    return tuple(float(each.epoch * per_epoch) for each in run.epochs)
