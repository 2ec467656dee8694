"""Pixel values by class, accumulated patch by patch."""

from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from tem_rf.config.preparation import Normalization

CLASSES = ("background", "particle")
_BINS = 240
_RANGES: dict[Normalization, tuple[float, float]] = {
    "standard": (-6.0, 6.0),
    "robust": (-3.0, 3.0),
    "percentile": (-0.5, 1.5),
    "min-max": (0.0, 1.0),
}
_SAMPLES_PER_SIDE = 128  # per patch; 16 times faster than using all pixels of a 512 px patch, with the same result


class ClassIntensity(BaseModel):
    """Normalized pixel values of one class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pixels: int = Field(description="Pixels sampled.")
    mean: float
    sd: float
    median: float
    histogram: list[NonNegativeInt] = Field(
        min_length=_BINS, max_length=_BINS, description="Pixels per bin; the outer bins include all values beyond."
    )


class Intensity(BaseModel):
    """Normalized pixel values of both classes, over equal bins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float = Field(description="Lower edge of the first bin.")
    high: float = Field(description="Upper edge of the last bin.")
    background: ClassIntensity
    particle: ClassIntensity


@dataclass
class IntensitySums:
    """Collects pixel values by class, from a regular sample of each patch.

    Attributes:
        normalization: Normalization of the values, which determines the range of the histograms.
        counts: (2, bins) pixels per class and bin.
        sums: (2, 2) sum and sum of squares per class.
    """

    normalization: Normalization
    counts: np.ndarray = field(default_factory=lambda: np.zeros((2, _BINS), np.int64))
    sums: np.ndarray = field(default_factory=lambda: np.zeros((2, 2)))

    def add(self, patch: np.ndarray, label: np.ndarray) -> None:
        """Add a patch, (h, w) float32, and its label, (h, w) uint8, without the pixels that are not sure."""
        step = max(1, min(patch.shape) // _SAMPLES_PER_SIDE)
        values, classes = patch[::step, ::step].ravel(), label[::step, ::step].ravel()
        if classes.max(initial=0) > 1:  # not sure
            values, classes = values[classes <= 1], classes[classes <= 1]
        low, high = _RANGES[self.normalization]
        bins = np.clip((values - low) * (_BINS / (high - low)), 0, _BINS - 1).astype(np.intp)
        self.counts += np.bincount(classes * np.intp(_BINS) + bins, minlength=2 * _BINS).reshape(2, _BINS)
        for power in (1, 2):
            self.sums[:, power - 1] += np.bincount(classes, weights=values.astype(np.float64) ** power, minlength=2)

    def result(self) -> Intensity:
        """Statistics of everything added."""
        low, high = _RANGES[self.normalization]
        classes = {name: self._class(index, low, high) for index, name in enumerate(CLASSES)}
        return Intensity(low=low, high=high, **classes)

    def _class(self, index: int, low: float, high: float) -> ClassIntensity:
        counts = self.counts[index]
        number = int(counts.sum())
        mean, square = self.sums[index] / max(1, number)
        return ClassIntensity(
            pixels=number,
            mean=float(mean),
            sd=float(np.sqrt(max(0.0, square - mean**2))),
            median=_median(counts, low, high),
            histogram=counts.tolist(),
        )


def _median(counts: np.ndarray, low: float, high: float) -> float:
    """Interpolated within the bin that contains it."""
    below = np.concatenate([[0], np.cumsum(counts)])
    if not below[-1]:
        return 0.0
    edges = np.linspace(low, high, len(counts) + 1)
    return float(np.interp(below[-1] / 2, below, edges))
