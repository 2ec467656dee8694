"""Feret diameters: the largest and smallest distance between two parallel lines that enclose a particle."""

from collections.abc import Iterator

import numpy as np

_PAIRS_AT_ONCE = 2**16  # pairs of a corner and an edge, in the cache of the processor


def feret_diameters(
    counts: np.ndarray, rows: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Maximum and minimum Feret diameter of particles, given the first and last pixel of each of their rows.

    Pixels extend half a pixel from their centres along rows and columns. Their corners are ignored; otherwise the
    diameters of discs would be half a pixel too large.

    Args:
        counts: (n,) int, number of rows of each particle, at least 1.
        rows: (sum of the counts,) int, the rows of one particle after the other, from top to bottom [px].
        first: Column of the first pixel in each row, from the left edge of the particle [px].
        last: Column of the last pixel in each row [px].

    Returns:
        (n,) float64 maximum and minimum diameters [px].

    >>> feret_diameters(np.array([3]), np.arange(3), np.zeros(3, int), np.full(3, 8))[1]
    array([3.])
    """
    all_y, all_x, starts, counts = _hulls(counts, rows, first, last)
    _, after = _cyclic_neighbours(starts, counts)
    all_dy, all_dx = all_y[after] - all_y, all_x[after] - all_x
    lengths = np.hypot(all_dy, all_dx)
    maximum, minimum = np.empty(len(counts)), np.empty(len(counts))
    for chosen, places in _similar(starts, counts):  # (k,) particles, (k, m) places of their corners
        y, x, dy, dx = (each[places] for each in (all_y, all_x, all_dy, all_dx))
        squares = (y[:, :, None] - y[:, None]) ** 2 + (x[:, :, None] - x[:, None]) ** 2
        maximum[chosen] = np.sqrt(squares.max(axis=(1, 2)))
        # The minimum width is found perpendicular to one of the hull's edges (Shamos 1978).
        heights = x[:, None] * dy[:, :, None] - y[:, None] * dx[:, :, None]  # (k, edges, corners)
        widths = heights.max(axis=2) / lengths[places] - heights.min(axis=2) / lengths[places]
        minimum[chosen] = np.round(widths.min(axis=1), 9)
    return maximum, minimum


def _hulls(
    counts: np.ndarray, rows: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Corners of the convex hulls, in order around each: (m,) rows and columns, where each hull starts, and its length.

    Pixels are extended as for `feret_diameters`. A program for any points, such as Qhull, takes ten times as long.
    """
    # The outline, down and up again: the end of each row, and the ends of the pixel half a pixel above and below.
    down, up = np.empty((len(rows), 3, 2)), np.empty((len(rows), 3, 2))
    for side, ends, outwards in ((down, first, -0.5), (up, last, 0.5)):
        side[..., 0] = rows[:, None] + np.array([-0.5, 0.0, 0.5])
        side[..., 1] = ends[:, None] + np.array([0.0, outwards, 0.0])
    places = 6 * (np.cumsum(counts) - counts)
    step = (3 * np.arange(len(rows)))[:, None] + np.arange(3)
    begin, length = np.repeat(places // 2, counts)[:, None], np.repeat(6 * counts, counts)[:, None]
    y, x = np.empty(6 * len(rows)), np.empty(6 * len(rows))
    for coordinate, axis in ((y, 0), (x, 1)):
        coordinate[begin + step] = down[..., axis]
        coordinate[3 * begin + length - 1 - step] = up[..., axis]
    owner = np.repeat(np.arange(len(counts)), 6 * counts)
    before, _ = _cyclic_neighbours(places, 6 * counts)
    is_kept = (y != y[before]) | (x != x[before])  # without equal neighbours
    while True:
        y, x, owner = y[is_kept], x[is_kept], owner[is_kept]
        counts = np.bincount(owner, minlength=len(counts))
        starts = np.cumsum(counts) - counts
        before, after = _cyclic_neighbours(starts, counts)
        dy, dx = y - y[before], x - x[before]
        # A corner that is not convex between its neighbours is inside the hull.
        is_kept = dy * dx[after] - dx * dy[after] > 0
        if is_kept.all():
            return y, x, starts, counts


def _cyclic_neighbours(starts: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the corner before and after each, around each outline."""
    before = np.arange(-1, int(counts.sum()) - 1)
    after = before + 2
    before[starts], after[starts + counts - 1] = starts + counts - 1, starts
    return before, after


def _similar(starts: np.ndarray, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield hulls with similar numbers of corners, and the places of these, the last one repeated in shorter hulls."""
    order = np.argsort(counts, kind="stable")
    stop = len(order)
    while stop > 0:
        most = int(counts[order[stop - 1]])
        chosen = order[max(stop - max(_PAIRS_AT_ONCE // most**2, 1), 0) : stop]
        yield chosen, starts[chosen, None] + np.minimum(np.arange(most), counts[chosen, None] - 1)
        stop -= len(chosen)
