"""Measure the particles of a mask."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_rf.data.preprocess import mean_and_sd


def feret_diameters(mask: np.ndarray) -> tuple[float, float]:
    """Maximum and minimum distance between two parallel lines that enclose a particle.

    Pixels extend half a pixel from their centres along rows and columns. Their corners are ignored; otherwise the
    diameters of discs would be half a pixel too large.

    Args:
        mask: (h, w) bool, not empty.

    Returns:
        Maximum and minimum diameter [px].

    >>> feret_diameters(np.ones((3, 9), bool))[1]
    3.0
    """
    hull = _hull(mask)
    # The minimum width is found perpendicular to one of the hull's edges (Shamos 1978).
    edges = np.concatenate([hull[1:], hull[:1]]) - hull
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    heights = (np.outer(hull[:, 1], edges[:, 0]) - np.outer(hull[:, 0], edges[:, 1])) / lengths
    widths = heights.max(axis=0) - heights.min(axis=0)
    rows, columns = hull[:, 0], hull[:, 1]
    squares = np.subtract.outer(rows, rows) ** 2 + np.subtract.outer(columns, columns) ** 2
    return float(np.sqrt(squares.max())), round(float(widths.min()), 9)


def _hull(mask: np.ndarray) -> np.ndarray:
    """(n, 2) row and column of the corners of the convex hull of pixels, in order around it.

    Pixels are extended as for `feret_diameters`. A program for any points, such as Qhull, takes twice as long.
    """
    (rows,) = np.nonzero(mask.any(axis=1))
    within = mask[rows]
    # Of each row, only the first and the last pixel can be on the hull.
    first, last = within.argmax(axis=1), mask.shape[1] - 1 - within[:, ::-1].argmax(axis=1)
    # The outline, down and up again: the end of each row, and the ends of the pixel half a pixel above and below.
    count = len(rows)
    down, up = np.empty((3 * count, 2)), np.empty((3 * count, 2))
    for side, ends, outwards in ((down, first, -0.5), (up, last, 0.5)):
        side[0::3, 0], side[1::3, 0], side[2::3, 0] = rows - 0.5, rows, rows + 0.5
        side[0::3, 1], side[1::3, 1], side[2::3, 1] = ends, ends + outwards, ends
    closed = np.concatenate([up[:1], down, up[::-1]])
    outline = closed[1:][(closed[1:] != closed[:-1]).any(axis=1)]  # without equal neighbours
    while True:  # a corner that is not convex between its neighbours is inside the hull
        before = outline - np.concatenate([outline[-1:], outline[:-1]])
        after = np.concatenate([before[1:], before[:1]])
        convex = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0] > 0
        if convex.all():
            return outline
        outline = outline[convex]


RING_PX = 5  # width of the background ring with which a particle is compared


@dataclass(frozen=True)
class Particle:
    """One particle.

    Attributes:
        number: Its number in the numbered mask.
        y_px: Row of its centre of mass [px].
        x_px: Column of its centre of mass [px].
        area_px: Area [px].
        diameter_px: Equivalent circle diameter [px].
        feret_max_px: Maximum Feret diameter: distance between two parallel lines around it [px].
        feret_min_px: Minimum Feret diameter [px].
        aspect_ratio: Long over short axis of the ellipse of its second moments, 1 for a disc.
        circularity: 4 pi area over perimeter squared, 1 for a disc; limited to 1, which pixels could exceed.
        contrast: Mean counts inside minus those of the background around it, in standard deviations of the micrograph;
            None without counts, or if other particles leave no background.
        touches_border: It is cut by the edge of the micrograph, so its sizes are lower bounds.
        confidence: How sure the network is of it, from 0 to 1, see `tem_rf.particles.confidence`; None without a
            probability.
    """

    number: int
    y_px: float
    x_px: float
    area_px: int
    diameter_px: float
    feret_max_px: float
    feret_min_px: float
    aspect_ratio: float
    circularity: float
    contrast: float | None
    touches_border: bool
    confidence: float | None = None


def measure_particles(
    numbers: np.ndarray,
    counts: np.ndarray | None = None,
    spread: float | None = None,
    places: Sequence[tuple[slice, slice] | None] | None = None,
) -> tuple[Particle, ...]:
    """Measure each particle of a numbered mask.

    Args:
        numbers: (h, w) int, from `number_particles`; particles that should not be measured are negative.
        counts: (h, w) counts of the micrograph, or None.
        spread: Standard deviation of the micrograph, if the counts are only a part of it; None: that of the counts.
        places: Rows and columns of each particle, None for a number without one; None: to be found.
    """
    from scipy.ndimage import find_objects
    from skimage.measure import perimeter_crofton

    if counts is not None and spread is None:
        _, spread = mean_and_sd(counts.astype(np.float32))
    particles = []
    for number, place in enumerate(find_objects(numbers) if places is None else places, start=1):
        if place is None:
            continue
        image = numbers[place] == number
        (top, bottom), (left, right) = ((part.start, part.stop) for part in place)
        y, x = (axis.astype(np.float64) for axis in np.nonzero(image))
        area, row, column = len(y), float(y.sum() / len(y)), float(x.sum() / len(x))
        feret_max_px, feret_min_px = feret_diameters(image)
        perimeter = float(perimeter_crofton(image))
        box = (top, left, bottom, right)
        particles.append(
            Particle(
                number=number,
                y_px=top + row,
                x_px=left + column,
                area_px=area,
                diameter_px=math.sqrt(4 * area / math.pi),
                feret_max_px=feret_max_px,
                feret_min_px=feret_min_px,
                aspect_ratio=_aspect_ratio(y - row, x - column),
                circularity=min(4 * math.pi * area / perimeter**2, 1.0) if perimeter else 1.0,
                contrast=None if counts is None else _contrast(counts, numbers, number, box, spread),
                touches_border=top == 0 or left == 0 or bottom == numbers.shape[0] or right == numbers.shape[1],
            )
        )
    return tuple(particles)


def _aspect_ratio(y: np.ndarray, x: np.ndarray) -> float:
    """Ratio of the axes of the ellipse with the second moments of pixels, whose distances from the centre are given."""
    within_pixel = 1 / 12  # a pixel is a square, not a point
    yy, xx, xy = y @ y / len(y) + within_pixel, x @ x / len(x) + within_pixel, x @ y / len(x)
    half, spread = (yy + xx) / 2, math.hypot((yy - xx) / 2, xy)
    return math.sqrt((half + spread) / (half - spread))


def _contrast(
    counts: np.ndarray, numbers: np.ndarray, number: int, box: tuple[int, int, int, int], spread: float | None
) -> float | None:
    from scipy.ndimage import distance_transform_cdt

    top, left, bottom, right = box
    place = (
        slice(max(top - RING_PX, 0), bottom + RING_PX),
        slice(max(left - RING_PX, 0), right + RING_PX),
    )
    near = numbers[place]
    inside = near == number
    around = (distance_transform_cdt(~inside, "taxicab") <= RING_PX) & (near == 0)
    if not around.any() or not spread:
        return None
    values = counts[place].astype(np.float32)
    return float((values[inside].mean() - values[around].mean()) / spread)
