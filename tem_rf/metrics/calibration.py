"""Calibration of probabilities: reliability curve, expected calibration error, temperature. NumPy is imported on use.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", equation (3) and section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

BINS = 15
"""Bins of equal width from 0 to 1, as many as in the source."""

UNCALIBRATED = 1.0
"""The temperature that changes nothing."""

_TEMPERATURES = (0.1, 10.0)  # range of the search


@dataclass(frozen=True)
class Reliability:
    """How often pixels are particle, by the probability that the network gives.

    The bins are those of the probability of the particle class. The source takes the probability of the more probable
    class, which joins the bins of p and 1 - p; the error here is at least as large.

    Attributes:
        pixels: Number of pixels in each bin, from the lowest probability.
        particles: Number of them that are labelled as particle.
        probability: Sum of their probabilities.
    """

    pixels: tuple[int, ...]
    particles: tuple[int, ...]
    probability: tuple[float, ...]

    @property
    def error(self) -> float:
        """Expected calibration error: mean over pixels of |mean probability - particle fraction| of their bin.

        >>> round(Reliability(pixels=(2, 2), particles=(0, 1), probability=(0.2, 1.8)).error, 3)
        0.25
        """
        gaps = (abs(p - n) for p, n in zip(self.probability, self.particles, strict=True))
        return sum(gaps) / max(1, sum(self.pixels))

    @property
    def curve(self) -> tuple[tuple[float, float, int], ...]:
        """Mean probability, particle fraction and number of pixels of each bin that has pixels."""
        bins = zip(self.probability, self.particles, self.pixels, strict=True)
        return tuple((p / n, particles / n, n) for p, particles, n in bins if n)


class MarginHistogram:
    """Margins of pixels (logit of particle minus logit of background) by their label.

    It needs the same memory for any number of pixels. Pixels whose margins differ by less than 0.01 count with their
    mean margin, which changes errors and temperatures by less than 0.001.
    """

    _STEP, _MAX = 0.01, 40.0  # margins beyond are in the outer bins

    def __init__(self) -> None:
        import numpy as np

        bins = round(2 * self._MAX / self._STEP) + 2
        self._pixels = np.zeros((2, bins), np.int64)  # background, particle
        self._sums = np.zeros((2, bins))

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return int(self._pixels.sum())

    def add(self, margins: np.ndarray, label: np.ndarray, unsure: np.ndarray | None = None) -> None:
        """Add pixels.

        Args:
            margins: (...) float.
            label: The same shape, 1 or True on particles.
            unsure: The same shape, pixels to leave out because the label is not sure; None: nowhere.
        """
        import numpy as np

        if unsure is not None and unsure.any():
            margins, label = margins[~unsure], label[~unsure]
        values = np.asarray(margins, np.float64).ravel()
        bins = (np.clip(values, -self._MAX - self._STEP / 2, self._MAX) + self._MAX) / self._STEP + 1
        is_particle = np.asarray(label).ravel() > 0
        for kind, chosen in enumerate((~is_particle, is_particle)):
            numbers = bins[chosen].astype(np.intp)
            self._pixels[kind] += np.bincount(numbers, minlength=self._pixels.shape[1])
            self._sums[kind] += np.bincount(numbers, values[chosen], minlength=self._pixels.shape[1])

    def reliability(self, temperature: float = UNCALIBRATED) -> Reliability:
        """Reliability of the probabilities with a temperature."""
        import numpy as np

        probability = self._probability(temperature)
        bins = np.minimum((probability * BINS).astype(np.intp), BINS - 1).ravel()
        pixels, particles, sums = (
            np.bincount(bins, weights.ravel(), minlength=BINS).tolist()
            for weights in (self._pixels, self._pixels * [[0], [1]], self._pixels * probability)
        )
        return Reliability(tuple(map(round, pixels)), tuple(map(round, particles)), tuple(sums))

    def negative_log_likelihood(self, temperature: float = UNCALIBRATED) -> float:
        """Mean over the pixels of -log of the probability of their label."""
        import numpy as np

        against = self._means() * [[1.0], [-1.0]] / temperature
        return float((self._pixels * np.logaddexp(0.0, against)).sum() / max(1, self.pixels))

    def fit_temperature(self) -> float:
        """The temperature from 0.1 to 10 with the minimum negative log-likelihood; 1 without pixels.

        Source: temperature scaling, section 4.2 of the module's source.
        """
        import numpy as np
        from scipy.optimize import minimize_scalar

        if not self.pixels:
            return UNCALIBRATED
        found = minimize_scalar(
            lambda log: self.negative_log_likelihood(float(np.exp(log))),
            bounds=tuple(np.log(_TEMPERATURES)),
            method="bounded",
        )
        return float(np.exp(found.x))

    def _means(self) -> np.ndarray:
        import numpy as np

        return self._sums / np.maximum(self._pixels, 1)

    def _probability(self, temperature: float) -> np.ndarray:
        from scipy.special import expit

        return expit(self._means() / temperature)
