"""Measure the particles of a mask of any size, some rows in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tem_rf.data.preprocess import mean_and_sd
from tem_rf.inference.particles import RING_PX, Particle, measure_particles
from tem_rf.inference.separation import number_particles

_PIXELS = 2**22  # of a window, by which it grows where a particle is higher


@dataclass(frozen=True)
class MeasuredMask:
    """The particles of a mask.

    Attributes:
        particles: Numbered from 1, window by window from the top.
        left_out: Connected parts that were too small.
    """

    particles: tuple[Particle, ...]
    left_out: int


def measure_mask(
    mask: np.ndarray,
    counts: np.ndarray,
    *,
    least_area_px: float,
    split_touching: bool = False,
    rows: int | None = None,
) -> MeasuredMask:
    """Measure the particles of a mask; where windows begin and end leaves no trace in their number and geometry.

    The contrast leaves out of the background the specks that the edge of a window cuts, since how large they are is
    not known there: in windows of 20 to 60 rows it differs by up to 0.06 standard deviations from that of the whole.

    Args:
        mask: (h, w), not 0 on particles; it may be memory-mapped.
        counts: (h, w) counts of the micrograph; they may be, too.
        least_area_px: Smaller parts are specks, no particles [px].
        split_touching: Take touching particles apart.
        rows: Rows of a window; None for some millions of pixels.
    """
    _, spread = mean_and_sd(counts)
    particles: list[Particle] = []
    left_out = 0
    for window, components, ready in _windows(mask, rows or max(_PIXELS // mask.shape[1], 4 * RING_PX)):
        areas = np.bincount(components.ravel(), minlength=len(ready))
        left_out += int(np.count_nonzero(ready & (areas < least_area_px)))
        numbers = number_particles(ready[components], split_touching=split_touching, least_area_px=least_area_px)
        cut = np.zeros(len(ready), bool)  # by the edge of the window: how large they are is not known here
        cut[components[0]] = window.start > 0
        cut[components[-1]] |= window.stop < len(mask)
        others = ~ready & (cut | (areas >= least_area_px))
        others[0] = False
        numbers[others[components]] = -1  # they are measured in another window, and are no background
        for particle in measure_particles(numbers, counts[window], spread):
            particles.append(replace(particle, number=len(particles) + 1, row_px=window.start + particle.row_px))
    return MeasuredMask(tuple(particles), left_out)


def _windows(mask: np.ndarray, rows: int) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Windows from top to bottom, in each of which those components are ready that lie in it with their surroundings.

    Yields:
        Rows of the window, (rows, w) numbered components, and (components + 1,) whether each is ready to be measured;
        a component is so in one window only.
    """
    from scipy.ndimage import find_objects, label

    height = len(mask)
    start, stop, done = 0, min(rows, height), 0  # components that end above row `done` were ready before
    while True:
        components, count = label(mask[start:stop] > 0, structure=np.ones((3, 3)))
        tops, ends = np.full(count + 1, start), np.full(count + 1, start)
        for number, place in enumerate(find_objects(components), start=1):
            tops[number], ends[number] = start + place[0].start, start + place[0].stop
        complete = ends <= (height if stop == height else stop - RING_PX)
        ready = complete & (ends > done)
        ready[0] = False
        yield slice(start, stop), components, ready
        if stop == height:
            return
        start, done = max(int(tops[~complete].min(initial=stop)) - RING_PX, 0), stop - RING_PX
        stop = min(stop + rows, height)
