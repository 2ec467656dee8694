"""Size distributions: weighted statistics, and fits compared by a criterion."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tem_rf.config.experiment import Criterion
from tem_rf.experiment.images import SampledImage

_MIN_FOR_TWO_MODES = 20  # particles; fewer show no second mode reliably
_STEPS, _ENOUGH = 500, 1e-9
_MIN_SD_FRACTION = 0.02  # of the sd of all values; otherwise a mode could shrink to a single particle


@dataclass(frozen=True)
class SizeStatistics:
    """Statistics of diameters, weighted by the rule for edge particles; lengths in the unit of the experiment.

    Attributes:
        n: Number of particles that count, cut ones by the rule `half` included.
        images: Number of images with such particles.
        mean: Mean diameter.
        sd: Standard deviation; None for one particle.
        median: Median diameter.
        polydispersity: Standard deviation over mean.
        number_per_area: Weighted number of particles per area [1/unit²].
    """

    n: int
    images: int
    mean: float
    sd: float | None
    median: float
    polydispersity: float | None
    number_per_area: float


def describe(images: Sequence[SampledImage]) -> SizeStatistics | None:
    """Pool the particles of images; None if none count."""
    if not images or not any(image.has_particles for image in images):
        return None
    diameters, weights = pooled(images)
    mean = float(np.average(diameters, weights=weights))
    sd = None
    if len(diameters) > 1:
        correction = len(diameters) / (len(diameters) - 1)
        sd = math.sqrt(float(np.average((diameters - mean) ** 2, weights=weights)) * correction)
    return SizeStatistics(
        n=len(diameters),
        images=sum(image.has_particles for image in images),
        mean=mean,
        sd=sd,
        median=weighted_median(diameters, weights),
        polydispersity=None if sd is None else sd / mean,
        number_per_area=float(weights.sum() / sum(image.area for image in images)),
    )


def pooled(images: Sequence[SampledImage]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) diameters and weights of the particles of all images that count."""
    diameters = np.concatenate([image.diameters for image in images])
    weights = np.concatenate([image.weights for image in images])
    return diameters[weights > 0], weights[weights > 0]


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value on either side of which half of the weight is.

    >>> weighted_median(np.array([1.0, 2.0, 3.0, 10.0]), np.array([1.0, 1.0, 1.0, 1.0]))
    2.5
    """
    order = np.argsort(values)
    values, share = values[order], np.cumsum(weights[order]) / weights.sum()
    first = int(np.searchsorted(share, 0.5 - 1e-12))
    following = min(first + 1, len(values) - 1)
    return float((values[first] + values[following]) / 2 if abs(share[first] - 0.5) < 1e-12 else values[first])


@dataclass(frozen=True)
class Mode:
    """A mode of a fitted distribution.

    Attributes:
        share: Its fraction of the particles.
        centre: Mean of a normal, median of a log-normal mode [unit].
        width: Standard deviation of a normal [unit]; factor (geometric standard deviation) of a log-normal mode.
    """

    share: float
    centre: float
    width: float


@dataclass(frozen=True)
class Fit:
    """A distribution fitted by maximum likelihood.

    Attributes:
        name: normal, log-normal, or bimodal, which is two log-normal modes.
        modes: Its modes, smallest first.
        parameters: Number of fitted parameters.
        log_likelihood: Logarithm of the likelihood of the diameters.
        aicc: Akaike's criterion with the correction for few particles; None if there are too few for it.
        bic: Schwarz's criterion.
    """

    name: str
    modes: tuple[Mode, ...]
    parameters: int
    log_likelihood: float
    aicc: float | None
    bic: float

    def density(self, diameters: np.ndarray) -> np.ndarray:
        """(n,) probability density [1/unit]."""
        total = np.zeros(len(diameters))
        for mode in self.modes:
            if self.name == "normal":
                total += mode.share * _normal(diameters, mode.centre, mode.width)
            else:
                logs = np.log(diameters)
                total += mode.share * _normal(logs, math.log(mode.centre), math.log(mode.width)) / diameters
        return total

    def to_json(self) -> dict[str, Any]:
        """All numbers as JSON types."""
        return asdict(self)


def fit_distributions(diameters: np.ndarray, weights: np.ndarray, criterion: Criterion = "aicc") -> list[Fit]:
    """Fit a normal, a log-normal and a bimodal distribution (two log-normal modes).

    Args:
        diameters: (n,) diameters, more than 0.
        weights: (n,) weights of the particles; they are scaled to a sum of n.
        criterion: Criterion for the order.

    Returns:
        The fits, best first; none if there are fewer than 3 particles or all are equal, no bimodal one below 20.

    Source: Dempster, Laird and Rubin 1977 (expectation maximization); Hurvich and Tsai 1989 (AICc); Schwarz 1978 (BIC).
    """
    count = len(diameters)
    if count < 3 or np.ptp(diameters) == 0:
        return []
    weights = weights * count / weights.sum()
    logs = np.log(diameters)
    jacobian = float(weights @ logs)
    candidates = [
        ("normal", _mixture(diameters, weights, 1), 0.0, lambda value: value),
        ("log-normal", _mixture(logs, weights, 1), jacobian, math.exp),
    ]
    if count >= _MIN_FOR_TWO_MODES:
        candidates.append(("bimodal", _mixture(logs, weights, 2), jacobian, math.exp))
    fits = [_fit(name, parts, likelihood - shift, count, back) for name, (parts, likelihood), shift, back in candidates]
    return sorted(fits, key=lambda fit: _value(fit, criterion))


def _value(fit: Fit, criterion: Criterion) -> float:
    value = fit.aicc if criterion == "aicc" else fit.bic
    return math.inf if value is None else value


def _fit(
    name: str, parts: list[tuple[float, float, float]], likelihood: float, count: int, back: Callable[[float], float]
) -> Fit:
    parameters = 3 * len(parts) - 1
    modes = tuple(Mode(share, back(mean), back(sd)) for share, mean, sd in sorted(parts, key=lambda part: part[1]))
    aic = 2 * parameters - 2 * likelihood
    room = count - parameters - 1
    aicc = aic + 2 * parameters * (parameters + 1) / room if room > 0 else None
    return Fit(name, modes, parameters, likelihood, aicc, parameters * math.log(count) - 2 * likelihood)


def _mixture(values: np.ndarray, weights: np.ndarray, modes: int) -> tuple[list[tuple[float, float, float]], float]:
    """Shares, means and standard deviations of normal modes, and the log-likelihood, from several starts if two."""
    mean = np.average(values, weights=weights)
    sd = math.sqrt(np.average((values - mean) ** 2, weights=weights))
    if modes == 1:
        return [(1.0, float(mean), sd)], float(weights @ np.log(_normal(values, float(mean), sd)))
    starts = [np.quantile(values, (low, high)) for low, high in ((0.25, 0.75), (0.1, 0.6), (0.4, 0.9))]
    found = [_expectation_maximization(values, weights, np.array(start), sd) for start in starts]
    return max(found, key=lambda one: one[1])


def _expectation_maximization(
    values: np.ndarray, weights: np.ndarray, means: np.ndarray, sd: float
) -> tuple[list[tuple[float, float, float]], float]:
    shares, sds, likelihood = np.full(2, 0.5), np.full(2, sd / 2), -math.inf
    for _ in range(_STEPS):
        densities = np.stack(
            [share * _normal(values, mean, width) for share, mean, width in zip(shares, means, sds, strict=True)]
        )
        total = np.maximum(densities.sum(axis=0), np.finfo(float).tiny)
        before, likelihood = likelihood, float(weights @ np.log(total))
        belongs = densities / total * weights
        sums = np.maximum(belongs.sum(axis=1), np.finfo(float).tiny)
        shares, means = sums / weights.sum(), belongs @ values / sums
        variances = np.array([part @ (values - mean) ** 2 for part, mean in zip(belongs, means, strict=True)]) / sums
        sds = np.sqrt(np.maximum(variances, (_MIN_SD_FRACTION * sd) ** 2))
        if likelihood - before < _ENOUGH * abs(likelihood):
            break
    parts = [(float(share), float(mean), float(width)) for share, mean, width in zip(shares, means, sds, strict=True)]
    return parts, likelihood


def _normal(values: np.ndarray, mean: float, sd: float) -> np.ndarray:
    density: np.ndarray = np.exp(-(((values - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))
    return np.maximum(density, np.finfo(float).tiny)
