"""Measure the particles of a mask, all at once."""

import math
from dataclasses import dataclass

import numpy as np

from tem_rf.data.preprocess import mean_and_sd
from tem_rf.particles.feret import feret_diameters
from tem_rf.particles.spans import Spans, find_spans, parts_in_cache, ranges

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
    numbers: np.ndarray, counts: np.ndarray | None = None, spread: float | None = None
) -> tuple[Particle, ...]:
    """Measure each particle of a numbered mask.

    Args:
        numbers: (h, w) int, from `number_particles`; particles that should not be measured are negative.
        counts: (h, w) counts of the micrograph, or None.
        spread: Standard deviation of the micrograph, if the counts are only a part of it; None: that of the counts.
    """
    return measure_spans(find_spans(numbers), numbers, counts, spread)


def measure_spans(
    spans: Spans,
    taken: np.ndarray,
    counts: np.ndarray | None = None,
    spread: float | None = None,
    *,
    confidence: np.ndarray | None = None,
    row_px: int = 0,
    before: int = 0,
) -> tuple[Particle, ...]:
    """Measure the particles of spans.

    Args:
        spans: The particles; their numbers are positive.
        taken: (h, w), 0 on background.
        counts: As for `measure_particles`.
        spread: As for `measure_particles`.
        confidence: (n,) float64, confidence of each particle, in the order of their numbers.
        row_px: Row of the micrograph in which the image begins [px].
        before: Number of particles above the image, after which these are numbered.
    """
    if not len(spans.row):
        return ()
    if counts is not None and spread is None:
        _, spread = mean_and_sd(counts.astype(np.float32))
    spans = spans.where(np.argsort(spans.number, kind="stable"))  # particle by particle
    first = np.flatnonzero(np.diff(spans.number, prepend=spans.number[0] - 1))  # first span of each particle
    owner = np.repeat(np.arange(len(first)), np.diff(first, append=len(spans.row)))
    top, left = spans.row[first], np.minimum.reduceat(spans.start, first)
    bottom, right = np.maximum.reduceat(spans.row, first) + 1, np.maximum.reduceat(spans.stop, first)
    area = np.add.reduceat(spans.lengths, first)
    y, x, aspect_ratio = _moments(spans, first, area, top[owner], left[owner])
    feret_max_px, feret_min_px = _feret_diameters(spans, owner, top[owner], left[owner])
    circularity = np.minimum(4 * math.pi * area / _perimeters(spans, owner, first, area) ** 2, 1.0)
    contrast = [None] * len(first) if counts is None else _contrasts(spans, owner, first, area, taken, counts, spread)
    height, width = spans.shape
    touches_border = (top == 0) | (left == 0) | (bottom == height) | (right == width)
    columns = (
        spans.number[first] + before, y + top + row_px, x + left, area, np.sqrt(4 * area / math.pi),
        feret_max_px, feret_min_px, aspect_ratio, circularity,
    )  # fmt: skip
    sure = [None] * len(first) if confidence is None else confidence.tolist()
    rows = zip(*(column.tolist() for column in columns), contrast, touches_border.tolist(), sure, strict=True)
    return tuple(Particle(*row) for row in rows)


def _moments(
    spans: Spans, first: np.ndarray, area: np.ndarray, top: np.ndarray, left: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) centres from the top and left of each particle, and ratios of the axes of the ellipses of the moments."""
    length, y = spans.lengths, spans.row - top
    start, stop = spans.start - left, spans.stop - left
    x = (start + stop - 1) * length // 2  # sum of the columns of a span
    xx = (_squares_below(stop) - _squares_below(start)).astype(np.float64)
    sums = [
        np.add.reduceat(each.astype(np.float64), first) / area for each in (y * length, x, y * y * length, xx, x * y)
    ]
    row, column = sums[:2]
    within_pixel = 1 / 12  # a pixel is a square, not a point
    yy, xx, xy = sums[2] - row**2 + within_pixel, sums[3] - column**2 + within_pixel, sums[4] - row * column
    half, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    return row, column, np.sqrt((half + spread) / (half - spread))


def _squares_below(stop: np.ndarray) -> np.ndarray:
    """Sum of the squares of the integers below a limit."""
    return (stop - 1) * stop * (2 * stop - 1) // 6


def _feret_diameters(
    spans: Spans, owner: np.ndarray, top: np.ndarray, left: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    place = owner * spans.shape[0] + spans.row  # of one row of one particle
    begin = np.flatnonzero(np.diff(place, prepend=-1))
    end = np.append(begin[1:], len(place)) - 1
    counts = np.bincount(owner[begin])
    return feret_diameters(counts, (spans.row - top)[begin], (spans.start - left)[begin], (spans.stop - 1 - left)[end])


def _perimeters(spans: Spans, owner: np.ndarray, first: np.ndarray, area: np.ndarray) -> np.ndarray:
    """(n,) perimeters by Crofton's formula with four directions, as those of scikit-image within rounding.

    Lines along rows, columns and both diagonals are counted where they enter a particle; the diagonals are closer to
    each other by the square root of two.
    """
    per_row = np.add.reduceat(np.ones(len(owner)), first)
    # Particle by particle, an image below the other, so that spans of different particles do not touch.
    height, width = spans.shape
    apart = Spans((height, width), spans.number, owner * (height + 1) + spans.row, spans.start, spans.stop)
    above, below = apart.pairs()
    entered = [per_row]
    for shift in (0, 1, -1):  # pixels whose neighbour above, or above on a diagonal, is of the same particle
        begin = np.maximum(apart.start[above] + shift, apart.start[below])
        end = np.minimum(apart.stop[above] + shift, apart.stop[below])
        entered.append(area - np.bincount(owner[below], np.maximum(end - begin, 0), len(area)))
    return np.asarray(math.pi / 4 * (entered[0] + entered[1] + (entered[2] + entered[3]) / math.sqrt(2)))


def _contrasts(
    spans: Spans,
    owner: np.ndarray,
    first: np.ndarray,
    area: np.ndarray,
    taken: np.ndarray,
    counts: np.ndarray,
    spread: float | None,
) -> list[float | None]:
    """Mean counts inside minus those of the background around, in standard deviations."""
    inside = np.add.reduceat(spans.sums(counts), first) / area
    pixels, around = np.zeros(len(first)), np.zeros(len(first))
    begin, length, owner = _rings(spans, owner)
    for part in parts_in_cache(length):
        places = ranges(begin[part], length[part])
        is_background = taken.reshape(-1)[places] == 0
        of_pixel = np.repeat(owner[part], length[part])[is_background]
        pixels += np.bincount(of_pixel, minlength=len(first))
        around += np.bincount(of_pixel, counts.reshape(-1)[places][is_background], len(first))
    if not spread:
        return [None] * len(first)
    contrast = (inside - around / np.maximum(pixels, 1)) / spread
    return [one if count else None for one, count in zip(contrast.tolist(), pixels.tolist(), strict=True)]


def _rings(spans: Spans, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels around each particle, whose steps along rows and columns to it are at most `RING_PX`.

    Returns:
        (m,) ranges of the flattened image, as start and length, and the particle to which each belongs.
    """
    height, width = spans.shape
    stride = height * width + 1  # of one particle in a line of all pixels of all particles
    begins, ends = [], []
    for down in range(-RING_PX, RING_PX + 1):
        reach, row = RING_PX - abs(down), spans.row + down
        within = (row >= 0) & (row < height)
        place = (owner * stride + row * width)[within]
        begins.append(place + np.maximum(spans.start[within] - reach, 0))
        ends.append(place + np.minimum(spans.stop[within] + reach, width))
    begin, end = np.concatenate(begins), np.concatenate(ends)
    order = np.argsort(begin, kind="stable")
    begin, end = begin[order], np.maximum.accumulate(end[order])
    starts = np.append(True, begin[1:] > end[:-1])
    begin, end = begin[starts], end[np.append(np.flatnonzero(starts)[1:] - 1, len(end) - 1)]
    # Without the particle itself: what is between the spans.
    place = owner * stride + spans.row * width
    begin = np.sort(np.concatenate([begin, place + spans.stop]))
    end = np.sort(np.concatenate([place + spans.start, end]))
    return begin % stride, end - begin, begin // stride
