"""Scores over images and seeds: mean and standard deviation."""

import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from tem_rf.metrics.scores import METRICS, ImageScores


@dataclass(frozen=True)
class Spread:
    """A score over the seeds of a trial.

    Attributes:
        mean: Mean over the seeds of the mean over the images.
        sd: Standard deviation over the seeds (n - 1 in the denominator); None for a single seed.
        seeds: Number of seeds.

    >>> print(Spread(mean=0.9123, sd=0.0042, seeds=3), Spread(mean=0.9, sd=None, seeds=1), sep="; ")
    0.912 ± 0.004 (3 seeds); 0.900 (1 seed)
    """

    mean: float
    sd: float | None
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self | None:
        """Summarize one value per seed; None if there are no values."""
        if not values:
            return None
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))

    def __str__(self) -> str:
        count = f"({self.seeds} seed{'s' if self.seeds > 1 else ''})"
        return f"{self.mean:.3f} {count}" if self.sd is None else f"{self.mean:.3f} ± {self.sd:.3f} {count}"


def summarize(scores_by_seed: Mapping[Hashable, Sequence[ImageScores]]) -> dict[str, Spread]:
    """Mean ± sd of every score over the seeds, or over the folds of a cross-validation.

    Args:
        scores_by_seed: The images of each seed, or of each seed and fold; a method without randomness counts as one
            seed.

    Returns:
        The spread of each score by name, in the order of the table. An image without a distance (an outline is missing)
        is left out of the mean of that distance. A score that no image has is left out.

    >>> from tem_rf.metrics.scores import score_image
    >>> import numpy as np
    >>> none, both = np.zeros((2, 2)), np.array([[1, 1], [0, 0]])
    >>> print(summarize({752: [score_image(both, both)], 956: [score_image(none, both)]})["hard_dice"])
    0.667 ± 0.471 (2 seeds)
    """
    spreads = {}
    for metric in METRICS:
        means = [mean for scores in scores_by_seed.values() if (mean := mean_over_images(scores, metric)) is not None]
        if spread := Spread.of(means):
            spreads[metric] = spread
    return spreads


def mean_over_images(scores: Sequence[ImageScores], metric: str) -> float | None:
    """Mean of a score over the images that have it; None if no image has it."""
    values = [value for row in scores if (value := getattr(row, metric)) is not None]
    return statistics.fmean(values) if values else None
