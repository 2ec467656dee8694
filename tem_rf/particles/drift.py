"""Drift of the specimen in a movie, by phase correlation of consecutive frames."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tem_rf.data.peaks import vertex

_MAX_SIDE_PX = 1024  # larger frames are binned
_SMOOTHING_PX = 1.5  # standard deviation of the peak; finer detail is mostly noise
_MIN_SIGNAL = 8.0  # of the peak, in standard deviations of the correlation


@dataclass(frozen=True, eq=False)
class Drift:
    """Position of the specimen in each frame.

    Attributes:
        shifts_px: (frames, 2) rows and columns by which the specimen has moved since the first frame [px].
        unknown: Numbers of the frames, from 1, in which the step could not be measured and counts as 0.
    """

    shifts_px: np.ndarray
    unknown: tuple[int, ...]

    @property
    def total_px(self) -> float:
        """Distance from the first to the last frame [px]."""
        return float(np.linalg.norm(self.shifts_px[-1]))


def measure_drift(frames: Iterable[np.ndarray]) -> Drift:
    """Measure the drift of a movie, with two frames in memory.

    The inverse transform of the phases of two frames, weighted by a Gaussian, has a Gaussian peak at
    their displacement. Steps add up, so their errors do, too.

    Args:
        frames: (h, w) counts of each frame, at least one, all of one size.

    Source: Kuglin and Hines 1975, "The phase correlation image alignment method".
    """
    from scipy import fft

    former: np.ndarray | None = None
    steps, unknown = [], []
    for number, counts in enumerate(frames, start=1):
        factor = -(-max(counts.shape) // _MAX_SIDE_PX)
        image = _windowed(counts, factor)
        spectrum = fft.rfft2(image)
        step = np.zeros(2)
        if former is not None:
            cross = spectrum * former.conj()
            cross /= np.maximum(np.abs(cross), np.finfo(np.float32).tiny)
            y, x = fft.fftfreq(image.shape[0])[:, None], fft.rfftfreq(image.shape[1])
            cross *= np.exp(-2 * (np.pi * _SMOOTHING_PX) ** 2 * (x**2 + y**2))
            found = _peak(fft.irfft2(cross, image.shape))
            if found is None:
                unknown.append(number)
            else:
                step = found * factor
        steps.append(step)
        former = spectrum
    return Drift(np.cumsum(steps, axis=0), tuple(unknown))


def _windowed(counts: np.ndarray, factor: int) -> np.ndarray:
    """Binned counts without their mean, falling to 0 at the edges."""
    height, width = (length // factor for length in counts.shape)
    cut = counts[: height * factor, : width * factor].astype(np.float32)
    image = cut.reshape(height, factor, width, factor).mean(axis=(1, 3))
    window = np.outer(np.hanning(height), np.hanning(width))
    return np.asarray((image - image.mean()) * window)


def _peak(correlation: np.ndarray) -> np.ndarray | None:
    """Rows and columns of the displacement; None if no peak rises above chance."""
    row, column = np.unravel_index(int(correlation.argmax()), correlation.shape)
    highest = correlation[row, column]
    if highest <= 0 or highest < correlation.mean() + _MIN_SIGNAL * correlation.std():
        return None
    logarithm = np.log(np.maximum(correlation, 1e-3 * highest))
    place = vertex(logarithm, int(row), int(column))
    size = np.array(correlation.shape)
    return np.asarray((place + size / 2) % size - size / 2)
