"""Add a particle: flood from a point in the probability or in the micrograph, or fill a polygon."""

from collections.abc import Iterator, Sequence

import numpy as np

from tem_rf.errors import EditError
from tem_rf.labelling.canvas import Box, Canvas, Change

_HALF_SIDES_PX = (32, 64, 128, 256, 512)  # of the window in which the flood must end
_SEED_PX = 2  # around the point: its level is a mean, since one pixel is noise
_LEAST_PROBABILITY = 0.02
_LEAST_AREA_PX = 12  # as for `number_particles`
_HALF = 0.5
_SMOOTHING_PX = 1.5


def add_at(canvas: Canvas, row: int, column: int, probability: np.ndarray | None, counts: np.ndarray) -> Change:
    """Add the particle at a point: the connected region of at least half of the level of the point.

    The level is the probability of the model. Where it is below 0.02, and without a model, it is the difference of the
    smoothed counts to the background around them.

    Args:
        canvas: The labels.
        row: Row of the point [px].
        column: Column of the point [px].
        probability: (height, width), or None.
        counts: (height, width) micrograph.

    Raises:
        EditError: The point is in a particle, or the flood has no end near it.
    """
    if not (0 <= row < canvas.shape[0] and 0 <= column < canvas.shape[1]):
        raise EditError(f"add: row {row}, column {column} is outside the micrograph.")
    if canvas.number_at(row, column) is not None:
        raise EditError(f"add: particle {canvas.number_at(row, column)} is already here; split it, or delete it first.")
    number = canvas.last_number + 1
    floods = list(_floods_in_probability(canvas, row, column, probability)) if probability is not None else []
    for box, region in (*floods, *_floods_in_counts(canvas, row, column, counts)):
        values = canvas.numbers[box.place]
        region = _filled(region) & (values <= 0)
        if np.count_nonzero(region) >= _LEAST_AREA_PX:
            after = np.where(region, number, values)
            return canvas.change(f"add {number}", box, after, accepted=(number,), selected=number)
    raise EditError("add: found no outline around this point; draw it as a polygon, or paint it.")


def add_polygon(canvas: Canvas, points: Sequence[tuple[float, float]]) -> Change:
    """Add a particle with a given outline; pixels of other particles are left to them.

    Args:
        canvas: The labels.
        points: Row and column of each corner, (0, 0) being the centre of the first pixel [px].

    Raises:
        EditError: There are fewer than three corners, or they enclose no free pixel.
    """
    from skimage.draw import polygon

    if len(points) < 3:
        raise EditError(f"polygon: needs at least three corners, received {len(points)}.")
    corners = np.asarray(points, float)
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int) + 1
    box = Box(int(low[0]), int(low[1]), int(high[0]), int(high[1])).padded(0, canvas.shape)
    if min(box.shape) <= 0:
        raise EditError("polygon: is outside the micrograph.")
    inside = np.zeros(box.shape, bool)
    inside[polygon(corners[:, 0] - box.top, corners[:, 1] - box.left, inside.shape)] = True
    values, number = canvas.numbers[box.place], canvas.last_number + 1
    if not (inside & (values <= 0)).any():
        raise EditError("polygon: encloses no free pixel.")
    after = np.where(inside & (values <= 0), number, values)
    return canvas.change(f"add {number}", box, after, accepted=(number,), selected=number)


def _windows(canvas: Canvas, row: int, column: int) -> Iterator[Box]:
    for half in _HALF_SIDES_PX:
        yield Box(row - half, column - half, row + half + 1, column + half + 1).padded(0, canvas.shape)


def _floods_in_probability(
    canvas: Canvas, row: int, column: int, probability: np.ndarray
) -> Iterator[tuple[Box, np.ndarray]]:
    level = float(probability[_seed(canvas, row, column).place].max())
    if level < _LEAST_PROBABILITY:
        return
    for box in _windows(canvas, row, column):
        free = canvas.numbers[box.place] <= 0
        region = _component(free & (probability[box.place] > _HALF * level), row - box.top, column - box.left)
        if region is not None and _ends_within(region, box, canvas):
            yield box, region
            return


def _floods_in_counts(canvas: Canvas, row: int, column: int, counts: np.ndarray) -> Iterator[tuple[Box, np.ndarray]]:
    from scipy.ndimage import gaussian_filter

    for box in _windows(canvas, row, column):
        free = canvas.numbers[box.place] <= 0
        smooth = gaussian_filter(counts[box.place].astype(np.float32), _SMOOTHING_PX)
        seed = _seed(canvas, row, column)
        inside = float(
            smooth[seed.top - box.top : seed.bottom - box.top, seed.left - box.left : seed.right - box.left].mean()
        )
        rim = np.ones(box.shape, bool)
        rim[2:-2, 2:-2] = False
        if not (rim & free).any():
            continue
        outside = float(np.median(smooth[rim & free]))
        level = (smooth - outside) / (inside - outside) if inside != outside else np.zeros_like(smooth)
        region = _component(free & (level > _HALF), row - box.top, column - box.left)
        if region is not None and _ends_within(region, box, canvas):
            yield box, region
            return


def _seed(canvas: Canvas, row: int, column: int) -> Box:
    return Box(row, column, row + 1, column + 1).padded(_SEED_PX, canvas.shape)


def _component(mask: np.ndarray, row: int, column: int) -> np.ndarray | None:
    """The connected region with a pixel, or with its neighbours; None if they are outside the mask."""
    from scipy.ndimage import label

    numbers, _ = label(mask)
    near = numbers[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    number = int(numbers[row, column]) or int(near.max())
    return numbers == number if number else None


def _ends_within(region: np.ndarray, box: Box, canvas: Canvas) -> bool:
    """Whether a region touches no edge of its window, except where that is the edge of the micrograph."""
    edges = (
        (region[0], box.top > 0),
        (region[-1], box.bottom < canvas.shape[0]),
        (region[:, 0], box.left > 0),
        (region[:, -1], box.right < canvas.shape[1]),
    )
    return not any(is_inner and bool(edge.any()) for edge, is_inner in edges)


def _filled(region: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_fill_holes

    return binary_fill_holes(region)
