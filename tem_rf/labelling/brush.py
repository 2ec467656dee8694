"""Paint, erase and mark pixels with a round brush along a stroke."""

from collections.abc import Sequence

import numpy as np

from tem_rf.data.instances import UNSURE
from tem_rf.errors import EditError
from tem_rf.labelling.canvas import Box, Canvas, Change
from tem_rf.labelling.particles import in_pieces


def paint(canvas: Canvas, stroke: Sequence[tuple[int, int]], radius_px: float, number: int | None) -> Change:
    """Add the pixels under a stroke to a particle; pixels of other particles are left to them.

    Args:
        canvas: The labels.
        stroke: Row and column of each point of the stroke [px].
        radius_px: Radius of the brush; 0 paints single pixels.
        number: The particle; None: a new one.

    Raises:
        EditError: No pixel would change.
    """
    number = canvas.last_number + 1 if number is None else number
    box, under = _under(canvas, stroke, radius_px)
    values = canvas.numbers[box.place]
    after = np.where(under & (values <= 0), number, values)
    return canvas.change(f"paint {number}", box, after, accepted=(number,), selected=number)


def particle_to_paint(
    canvas: Canvas, stroke: Sequence[tuple[int, int]], radius_px: float, selected: int | None
) -> int | None:
    """Return the particle that a stroke extends: the one where it starts, or the selected one if it touches it.

    Args:
        canvas: The labels.
        stroke: As for `paint`.
        radius_px: As for `paint`.
        selected: The selected particle, or None.

    Returns:
        The particle; None if the stroke begins a new one.

    Raises:
        EditError: The stroke is outside the micrograph.
    """
    first = canvas.number_at(*stroke[0])
    if first is not None or selected is None:
        return first
    box, under = _under(canvas, stroke, radius_px + 1)
    return selected if (canvas.numbers[box.place][under] == selected).any() else None


def erase(canvas: Canvas, stroke: Sequence[tuple[int, int]], radius_px: float) -> Change:
    """Make the pixels under a stroke background; a particle cut in two becomes two. Arguments as for `paint`.

    Raises:
        EditError: No pixel would change.
    """
    return _replaced(canvas, "erase", stroke, radius_px, 0)


def mark_unsure_under(canvas: Canvas, stroke: Sequence[tuple[int, int]], radius_px: float) -> Change:
    """Mark the pixels under a stroke as not sure. Arguments as for `paint`.

    Raises:
        EditError: No pixel would change.
    """
    return _replaced(canvas, "not sure", stroke, radius_px, UNSURE)


def _replaced(canvas: Canvas, name: str, stroke: Sequence[tuple[int, int]], radius_px: float, value: int) -> Change:
    box, under = _under(canvas, stroke, radius_px)
    touched = [one for one in np.unique(canvas.numbers[box.place][under]).tolist() if one > 0]
    whole = box
    for number in touched:
        whole = whole.union(canvas.boxes[number])
    after = canvas.numbers[whole.place].copy()
    part = after[box.top - whole.top : box.bottom - whole.top, box.left - whole.left : box.right - whole.left]
    part[under] = value
    after, new = in_pieces(canvas, whole, after, touched)
    left = [number for number in touched if (after == number).any()]
    return canvas.change(name, whole, after, accepted=(*left, *new), selected=left[0] if left else None)


def _under(canvas: Canvas, stroke: Sequence[tuple[int, int]], radius_px: float) -> tuple[Box, np.ndarray]:
    """The window of a stroke, and the pixels in it whose centre is within the radius of the stroke."""
    points = np.asarray(stroke, float)
    margin = int(np.ceil(radius_px))
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    box = Box(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1).padded(margin, canvas.shape)
    if min(box.shape) <= 0:
        raise EditError("brush: is outside the micrograph.")
    rows, columns = np.indices(box.shape)
    rows, columns = rows + box.top, columns + box.left
    under = np.zeros(box.shape, bool)
    ends = points[1:] if len(points) > 1 else points
    for (row, column), (end_row, end_column) in zip(points, ends, strict=False):
        along = np.array([end_row - row, end_column - column])
        squared = float(along @ along)
        place = ((rows - row) * along[0] + (columns - column) * along[1]) / squared if squared else np.zeros(box.shape)
        place = np.clip(place, 0, 1)
        distance = np.hypot(rows - row - place * along[0], columns - column - place * along[1])
        under |= distance <= max(radius_px, 0.5)
    return box, under
