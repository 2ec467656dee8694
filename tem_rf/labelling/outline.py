"""Grow or shrink the outline of one particle: by its own threshold in the probability, or by one pixel without it."""

import numpy as np

from tem_rf.errors import EditError
from tem_rf.labelling.canvas import Box, Canvas, Change

_LOGIT_STEP = 0.25  # between two thresholds
_MAX_LOGIT = 9.0
_MIN_CHANGE = 0.02  # of the area; a threshold that changes less is passed over
_MAX_RIM = 0.1  # of the diameter: a step moves the outline no farther, so that it cannot flood the film
_MIN_RIM_PX = 2


def grow(canvas: Canvas, number: int, probability: np.ndarray | None) -> Change:
    """Grow a particle to the next lower threshold of its probability, over background only.

    Its threshold is the median probability on its outline. Without a probability the outline moves by one pixel.

    Args:
        canvas: The labels.
        number: The particle.
        probability: (height, width), or None.

    Raises:
        EditError: There is no such particle, or no background around it.
    """
    box, rim = _window(canvas, number)
    values = canvas.numbers[box.place]
    mask = values == number
    free = values == 0
    grown = _dilated(mask, 1) & free
    if probability is not None:
        part = probability[box.place]
        reach = _dilated(mask, rim) & free
        threshold = _own_threshold(part, mask)
        for level in _levels(threshold, -_LOGIT_STEP):
            more = _connected(reach & (part > level), mask)
            if np.count_nonzero(more) > _MIN_CHANGE * np.count_nonzero(mask):
                grown = more
                break
    after = np.where(grown, number, values)
    return canvas.change(f"grow {number}", box, after, accepted=(number,), selected=number)


def shrink(canvas: Canvas, number: int, probability: np.ndarray | None) -> Change:
    """Shrink a particle to the next higher threshold of its probability; arguments and errors as for `grow`."""
    box, rim = _window(canvas, number)
    values = canvas.numbers[box.place]
    mask = values == number
    kept = _eroded(mask, 1)
    if probability is not None:
        part = probability[box.place]
        core = _eroded(mask, rim)
        for level in _levels(_own_threshold(part, mask), _LOGIT_STEP):
            less = mask & (core | (part > level))
            if np.count_nonzero(less) < (1 - _MIN_CHANGE) * np.count_nonzero(mask):
                kept = _largest_piece(less)
                break
    if not kept.any():
        raise EditError(f"shrink {number}: nothing of it would be left; delete it.")
    after = np.where(mask & ~kept, 0, values)
    return canvas.change(f"shrink {number}", box, after, accepted=(number,), selected=number)


def _window(canvas: Canvas, number: int) -> tuple[Box, int]:
    box = canvas.box_of(number)
    rim = max(_MIN_RIM_PX, round(_MAX_RIM * min(box.shape)))
    return box.padded(rim + 1, canvas.shape), rim


def _own_threshold(probability: np.ndarray, mask: np.ndarray) -> float:
    """Median probability on the outline of a particle."""
    return float(np.median(probability[mask & ~_eroded(mask, 1)]))


def _levels(threshold: float, step: float) -> np.ndarray:
    """Thresholds beyond one, in equal steps of the logit."""
    inside = min(max(threshold, 1e-6), 1 - 1e-6)
    logit = float(np.clip(np.log(inside / (1 - inside)), -_MAX_LOGIT, _MAX_LOGIT))
    return 1 / (1 + np.exp(-np.arange(logit + step, np.copysign(_MAX_LOGIT + abs(step), step), step)))


def _connected(region: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The part of a region that touches a particle, directly or through the region."""
    from scipy.ndimage import binary_propagation

    return binary_propagation(_dilated(mask, 1) & region, mask=region) if region.any() else region


def _largest_piece(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import label

    pieces, count = label(mask, structure=np.ones((3, 3)))
    return mask if count <= 1 else pieces == np.bincount(pieces.ravel())[1:].argmax() + 1


def _dilated(mask: np.ndarray, iterations: int) -> np.ndarray:
    from scipy.ndimage import binary_dilation

    return binary_dilation(mask, iterations=iterations)


def _eroded(mask: np.ndarray, iterations: int) -> np.ndarray:
    from scipy.ndimage import binary_erosion

    return binary_erosion(mask, iterations=iterations, border_value=1)
