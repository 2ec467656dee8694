"""Confidence intervals, and comparison of two experiments, with images as units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_rf.experiment.distribution import pooled
from tem_rf.experiment.images import Experiment, SampledImage

LEVEL = 0.95
"""Level of all confidence intervals."""
_MIN_IMAGES = 2
_FEW_IMAGES = 5
_EXACT = 20_000  # divisions of the images, up to which all are tried

Interval = tuple[float, float]
STATISTICS = ("mean", "median", "sd", "number_per_area")


def confidence_intervals(images: Sequence[SampledImage], resamples: int, seed: int) -> dict[str, Interval]:
    """Percentile bootstrap intervals of the pooled statistics; whole images are drawn with replacement.

    Particles of one image are more alike than those of different images, so drawing particles would give intervals that
    are too narrow.

    Args:
        images: The images.
        resamples: Number of resamples.
        seed: Seed of the draws.

    Returns:
        95 % interval by the name of the statistic; empty with fewer than two images.
    """
    if sum(image.has_particles for image in images) < _MIN_IMAGES:
        return {}
    rng = np.random.default_rng(seed)
    diameters = np.concatenate([image.diameters for image in images])
    weights = np.concatenate([image.weights for image in images])
    of_image = np.repeat(np.arange(len(images)), [len(image.diameters) for image in images])
    order = np.argsort(diameters)
    order = order[weights[order] > 0]
    diameters, weights, of_image = diameters[order], weights[order], of_image[order]
    areas = np.array([image.area for image in images])
    values: dict[str, list[float]] = {name: [] for name in STATISTICS}
    for _ in range(resamples):
        times = np.bincount(rng.integers(len(images), size=len(images)), minlength=len(images))
        drawn = times[of_image] * weights
        total = drawn.sum()
        if not total:
            continue
        mean = drawn @ diameters / total
        values["mean"].append(mean)
        values["sd"].append(math.sqrt(max(drawn @ diameters**2 / total - mean**2, 0.0)))
        values["median"].append(diameters[np.searchsorted(np.cumsum(drawn), total / 2)])
        values["number_per_area"].append(total / (times @ areas))
    return {name: _interval(found) for name, found in values.items()}


def _interval(values: Sequence[float]) -> Interval:
    low, high = np.quantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


@dataclass(frozen=True)
class Comparison:
    """Two experiments compared by their mean diameter: B minus A.

    Attributes:
        difference: Difference of the pooled means [unit].
        interval: 95 % bootstrap interval of it; images of each experiment are drawn; None with fewer than two images.
        relative: Difference over the mean of A.
        hedges_g: Effect size: difference of the means of the images, in their pooled standard deviation, corrected for
            few images; None with fewer than two images.
        p_value: Probability of a difference at least as large if images were assigned to A and B at random.
        smallest_p: The smallest value that it could have, given the number of images.
        is_exact: Whether all assignments were tried.
        images: Number of images with particles in A and B.
        particles: Number of particles in A and B.
        overlap: Probability that a particle of B is larger than one of A.
    """

    difference: float
    interval: Interval | None
    relative: float
    hedges_g: float | None
    p_value: float | None
    smallest_p: float | None
    is_exact: bool
    images: tuple[int, int]
    particles: tuple[int, int]
    overlap: float

    @property
    def verdict(self) -> str:
        """What the comparison says, in a sentence."""
        few = min(self.images)
        if self.p_value is None or self.smallest_p is None or self.interval is None:
            return "No test: each folder needs at least two images with particles, since images are the units."
        if self.smallest_p > 1 - LEVEL:
            return (
                f"No conclusion: with {self.images[0]} and {self.images[1]} images the test cannot give a p-value "
                f"below {self.smallest_p:.2g}; record more images."
            )
        differs = self.p_value < 1 - LEVEL
        text = f"The mean diameters {'differ' if differs else 'cannot be told apart'} (p = {self.p_value:.2g})."
        return text + (" There are few images, so the interval may be too narrow." if few < _FEW_IMAGES else "")


def compare(one: Experiment, other: Experiment, resamples: int, seed: int) -> Comparison | None:
    """Compare two experiments; None if one has no particles that count.

    The test permutes images between the experiments, and takes the pooled mean of each.

    Args:
        one: Experiment A.
        other: Experiment B, in the same unit.
        resamples: Number of resamples, and of permutations if there are too many to try all.
        seed: Seed of the draws.

    Source: Hedges 1981 (effect size); Ernst 2004, "Permutation methods".
    """
    first, second = ([image for image in each.images if image.has_particles] for each in (one, other))
    if not first or not second:
        return None
    means = [_mean(group) for group in (first, second)]
    difference = means[1] - means[0]
    has_units = min(len(first), len(second)) >= _MIN_IMAGES
    p_value, smallest, is_exact = (
        _permutation_test(first, second, resamples, seed) if has_units else (None, None, False)
    )
    return Comparison(
        difference=difference,
        interval=_difference_interval(first, second, resamples, seed) if has_units else None,
        relative=difference / means[0],
        hedges_g=_hedges_g(first, second) if has_units else None,
        p_value=p_value,
        smallest_p=smallest,
        is_exact=is_exact,
        images=(len(first), len(second)),
        particles=(len(pooled(first)[0]), len(pooled(second)[0])),
        overlap=_probability_larger(first, second),
    )


def _mean(images: Sequence[SampledImage]) -> float:
    total = _sums(images).sum(axis=0)
    return float(total[0] / total[1])


def _sums(images: Sequence[SampledImage]) -> np.ndarray:
    """(images, 2) weighted sum of the diameters, and sum of the weights, from which pooled means follow."""
    return np.array([(image.weights @ image.diameters, image.weights.sum()) for image in images])


def _difference_interval(
    first: Sequence[SampledImage], second: Sequence[SampledImage], resamples: int, seed: int
) -> Interval:
    rng = np.random.default_rng(seed)
    means = []
    for sums in (_sums(first), _sums(second)):
        totals = sums[rng.integers(len(sums), size=(resamples, len(sums)))].sum(axis=1)
        means.append(totals[:, 0] / totals[:, 1])
    return _interval(means[1] - means[0])


def _permutation_test(
    first: Sequence[SampledImage], second: Sequence[SampledImage], resamples: int, seed: int
) -> tuple[float, float, bool]:
    from itertools import combinations

    sums = _sums([*first, *second])
    total, count, size = sums.sum(axis=0), len(sums), len(second)

    def difference(chosen: np.ndarray) -> np.ndarray:
        """Of chosen images, (divisions, size), from the others."""
        inside = sums[chosen].sum(axis=1)
        outside = total - inside
        result: np.ndarray = inside[:, 0] / inside[:, 1] - outside[:, 0] / outside[:, 1]
        return result

    observed = abs(float(difference(np.arange(len(first), count)[np.newaxis])[0]))
    divisions = math.comb(count, size)
    symmetric = 2 if len(first) == len(second) else 1  # exchanging A and B changes only the sign
    if divisions <= _EXACT:
        values = np.abs(difference(np.array(list(combinations(range(count), size)))))
        return float(np.mean(values >= observed * (1 - 1e-12))), symmetric / divisions, True
    rng = np.random.default_rng(seed)
    chosen = np.array([rng.permutation(count)[:size] for _ in range(resamples)])
    extreme = np.count_nonzero(np.abs(difference(chosen)) >= observed * (1 - 1e-12))
    return (extreme + 1) / (resamples + 1), 1 / (resamples + 1), False


def _hedges_g(first: Sequence[SampledImage], second: Sequence[SampledImage]) -> float | None:
    means = [sums[:, 0] / sums[:, 1] for sums in (_sums(first), _sums(second))]
    freedom = len(first) + len(second) - 2
    variance = sum(float(((one - one.mean()) ** 2).sum()) for one in means) / freedom
    if variance == 0:
        return None
    return float(means[1].mean() - means[0].mean()) / math.sqrt(variance) * (1 - 3 / (4 * freedom - 1))


def _probability_larger(first: Sequence[SampledImage], second: Sequence[SampledImage]) -> float:
    (small, small_weights), (large, large_weights) = pooled(first), pooled(second)
    order = np.argsort(small)
    small, cumulated = small[order], np.concatenate([[0.0], np.cumsum(small_weights[order])])
    below = (
        cumulated[np.searchsorted(small, large, side="left")] + cumulated[np.searchsorted(small, large, side="right")]
    ) / 2  # equal ones count half
    return float(large_weights @ below / (large_weights.sum() * small_weights.sum()))
