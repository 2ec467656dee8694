"""Edit whole particles: accept, delete, mark as not sure, split, merge."""

import numpy as np

from tem_rf.data.instances import UNSURE
from tem_rf.errors import EditError
from tem_rf.labelling.canvas import Box, Canvas, Change
from tem_rf.particles.split import split_at_necks

_DIRECTIONS = 36  # of the cuts that are compared
_MAX_GAP_PX = 16  # between particles that are merged


def accept(canvas: Canvas, number: int) -> Change:
    """Count a particle as reviewed. Every edit of it does so, too.

    Raises:
        EditError: There is no such particle, or it already counts as reviewed.
    """
    return _review(canvas, number, is_reviewed=True)


def reopen(canvas: Canvas, number: int) -> Change:
    """Count a particle as not reviewed.

    Raises:
        EditError: There is no such particle, or it already counts as not reviewed.
    """
    return _review(canvas, number, is_reviewed=False)


def _review(canvas: Canvas, number: int, *, is_reviewed: bool) -> Change:
    box = canvas.box_of(number)
    if (number in canvas.accepted) == is_reviewed:
        raise EditError(f"particle {number}: is already {'reviewed' if is_reviewed else 'to be reviewed'}.")
    nothing, empty = Box(box.top, box.left, box.top, box.left), np.zeros((0, 0), np.int32)
    if is_reviewed:
        return Change(f"accept {number}", nothing, empty, empty, accepted=(number,), selected=number)
    return Change(f"reopen {number}", nothing, empty, empty, reopened=(number,), selected=number)


def delete(canvas: Canvas, number: int) -> Change:
    """Make a particle background.

    Raises:
        EditError: There is no such particle.
    """
    box = canvas.box_of(number)
    return canvas.change(f"delete {number}", box, np.where(canvas.mask_of(number), 0, canvas.numbers[box.place]))


def mark_unsure(canvas: Canvas, number: int) -> Change:
    """Mark the pixels of a particle as not sure, so that training and scores ignore them.

    Raises:
        EditError: There is no such particle.
    """
    box = canvas.box_of(number)
    after = np.where(canvas.mask_of(number), UNSURE, canvas.numbers[box.place])
    return canvas.change(f"not sure {number}", box, after)


def split(canvas: Canvas, number: int, at: tuple[int, int] | None = None) -> Change:
    """Split a particle at its necks; if it has none, along the shortest cut through a point.

    Args:
        canvas: The labels.
        number: The particle.
        at: Row and column of the point [px]; None: only at necks.

    Raises:
        EditError: There is no such particle, or it cannot be split there.
    """
    box = canvas.box_of(number)
    mask = canvas.mask_of(number)
    regions = split_at_necks(mask)
    if regions.max() < 2:
        if at is None or canvas.number_at(*at) != number:
            raise EditError(f"split {number}: has no neck; move the cursor to where it should be cut.")
        regions = _cut(mask, at[0] - box.top, at[1] - box.left)
    if regions.max() < 2:
        raise EditError(f"split {number}: a cut here leaves one piece; move the cursor, or erase along the cut.")
    return _renumbered(canvas, f"split {number}", number, box, regions)


def merge(canvas: Canvas, number: int, other: int | None = None) -> Change:
    """Merge a particle with another one, and close a narrow gap between them.

    Args:
        canvas: The labels.
        number: The particle whose number remains.
        other: The other particle; None: the nearest.

    Raises:
        EditError: There is no such particle, or the other one is farther than 16 px away.
    """
    from scipy.ndimage import binary_closing, distance_transform_edt

    box = canvas.box_of(number)
    if other is None:
        window = box.padded(_MAX_GAP_PX, canvas.shape)
        values = canvas.numbers[window.place]
        distances = distance_transform_edt(values != number)
        distances[(values <= 0) | (values == number)] = np.inf
        nearest = np.unravel_index(int(distances.argmin()), distances.shape)
        if distances[nearest] > _MAX_GAP_PX:
            raise EditError(f"merge {number}: no other particle within {_MAX_GAP_PX} px.")
        other = int(values[nearest])
    if other == number:
        raise EditError(f"merge {number}: is the same particle; move the cursor onto another one.")
    window = box.union(canvas.box_of(other)).padded(_MAX_GAP_PX, canvas.shape)
    values = canvas.numbers[window.place]
    first, second = values == number, values == other
    gap = float(distance_transform_edt(~first)[second].min())
    if gap > _MAX_GAP_PX:
        raise EditError(
            f"merge {number}: particle {other} is {gap:.0f} px away; at most {_MAX_GAP_PX} px can be closed."
        )
    both = first | second
    if gap > 1:
        both |= binary_closing(both, iterations=int(np.ceil(gap / 2)) + 1) & (values <= 0)
    return canvas.change(
        f"merge {number} and {other}", window, np.where(both, number, values), accepted=(number,), selected=number
    )


def in_pieces(canvas: Canvas, box: Box, after: np.ndarray, numbers: list[int]) -> tuple[np.ndarray, tuple[int, ...]]:
    """Give the pieces of particles that an edit has cut numbers of their own.

    Args:
        canvas: The labels before the edit.
        box: Window that contains the particles.
        after: (height, width) its values after the edit.
        numbers: The particles.

    Returns:
        The values with all pieces numbered, and the numbers of new pieces.
    """
    from scipy.ndimage import label

    last, new = canvas.last_number, []
    for number in numbers:
        pieces, count = label(after == number, structure=np.ones((3, 3)))
        if count < 2 or label(canvas.numbers[box.place] == number, structure=np.ones((3, 3)))[1] > 1:
            continue
        largest = int(np.bincount(pieces.ravel())[1:].argmax()) + 1
        for piece in range(1, count + 1):
            if piece != largest:
                last += 1
                new.append(last)
                after[pieces == piece] = last
    return after, tuple(new)


def _renumbered(canvas: Canvas, name: str, number: int, box: Box, regions: np.ndarray) -> Change:
    """The largest region keeps the number of the particle."""
    areas = np.bincount(regions.ravel())[1:]
    order = np.argsort(-areas, kind="stable")
    new = np.zeros(len(areas) + 1, np.int32)
    new[order + 1] = [number, *range(canvas.last_number + 1, canvas.last_number + len(areas))]
    after = np.where(regions > 0, new[regions], canvas.numbers[box.place])
    return canvas.change(name, box, after, accepted=tuple(new[1:].tolist()), selected=number)


def _cut(mask: np.ndarray, row: int, column: int) -> np.ndarray:
    """(height, width) int32 regions on both sides of the shortest straight cut through a pixel."""
    from scipy.ndimage import distance_transform_edt, label

    rows, columns = np.indices(mask.shape)
    best, best_length = np.zeros(mask.shape, np.int32), np.inf
    solid = np.pad(mask, 1)
    for angle in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        step = (float(np.sin(angle)), float(np.cos(angle)))
        length = _reach(solid, row + 1, column + 1, step) + _reach(solid, row + 1, column + 1, (-step[0], -step[1]))
        if length >= best_length:
            continue
        across = np.abs((rows - row) * step[1] - (columns - column) * step[0])
        along = np.abs((rows - row) * step[0] + (columns - column) * step[1])
        pieces, count = label(mask & ~((across < 0.75) & (along <= length + 1)), structure=np.ones((3, 3)))
        areas = np.sort(np.bincount(pieces.ravel())[1:])
        if count >= 2 and areas[-2] >= 2:
            best, best_length = pieces, length
    if np.isinf(best_length):
        return mask.astype(np.int32)
    keep = np.argsort(-np.bincount(best.ravel())[1:])[:2] + 1
    seeds = np.where(best == keep[0], 1, np.where(best == keep[1], 2, 0))
    nearest = distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    return np.where(mask, seeds[tuple(nearest)], 0).astype(np.int32)


def _reach(solid: np.ndarray, row: int, column: int, step: tuple[float, float]) -> float:
    """Distance from a pixel to the outside in a direction [px]."""
    distance = 0.0
    while solid[round(row + distance * step[0]), round(column + distance * step[1])]:
        distance += 0.5
    return distance
