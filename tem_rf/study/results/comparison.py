"""Test whether one trial is better than another, given the variation between test images and seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_rf.errors import StudyError
from tem_rf.evaluation.trials import Results, TrialResult
from tem_rf.metrics.scores import METRICS

RESAMPLES = 9999
Image = tuple[str, int, int]
"""Micrograph, row and column, which identify an image across trials."""

_LESS_IS_BETTER = {"mean_surface_distance_px", "hausdorff95_px", "mean_surface_distance_nm", "hausdorff95_nm"}


@dataclass(frozen=True)
class Comparison:
    """A score of two trials on the same images.

    Attributes:
        one: Name of the first trial.
        other: Name of the second trial.
        metric: Name of the score.
        one_mean: Mean of the first trial over its seeds and the images.
        other_mean: Mean of the second trial.
        difference: First mean minus second mean.
        low: Lower end of the bootstrap interval of the difference.
        high: Upper end.
        confidence: Confidence level of the interval.
        images: Number of images scored in both trials.
        micrographs: Number of micrographs that these images were cut from.
        seeds: Numbers of seeds of the first and second trial.
    """

    one: str
    other: str
    metric: str
    one_mean: float
    other_mean: float
    difference: float
    low: float
    high: float
    confidence: float
    images: int
    micrographs: int
    seeds: tuple[int, int]

    @property
    def is_distinguishable(self) -> bool:
        """Whether the interval excludes zero and is based on enough micrographs."""
        return self.micrographs >= min_micrographs(self.confidence) and not self.low <= 0 <= self.high

    @property
    def verdict(self) -> str:
        """Interpretation of the interval, in one sentence."""
        name = self.metric.replace("_", " ")
        interval = f"{self.difference:+.4f}, {self.confidence:.0%} interval {self.low:+.4f} to {self.high:+.4f}"
        minimum = min_micrographs(self.confidence)
        if self.micrographs < minimum:
            found = f"expected at least {minimum} test micrographs, received {self.micrographs}"
            return f"Too few micrographs to compare {name}: {found} ({interval})."
        if not self.is_distinguishable:
            return f"Not distinguishable in {name} ({interval})."
        is_better = (self.difference > 0) is not (self.metric in _LESS_IS_BETTER)
        better, worse = (self.one, self.other) if is_better else (self.other, self.one)
        one_seed = "; with one seed, variation between seeds is unknown" if 1 in self.seeds else ""
        return f"{better} is better than {worse} in {name} ({interval}{one_seed})."


def min_micrographs(confidence: float) -> int:
    """Return the minimum number of micrographs with which a paired sign test can reach the confidence level.

    >>> [min_micrographs(confidence) for confidence in (0.95, 0.99, 0.999)]
    [6, 8, 11]
    """
    return math.ceil(1 - math.log2(1 - confidence))


def compare_trials(
    one: TrialResult,
    other: TrialResult,
    *,
    metric: str = "hard_dice",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare two trials over the test images that they share.

    A percentile bootstrap resamples micrographs, and seeds of each trial, with replacement. Patches of one micrograph
    are correlated, so they are drawn together. An image has the same weight in both trials.

    Args:
        one: A trial with scores.
        other: Another trial on the same dataset.
        metric: Name of a score.
        confidence: Confidence level of the interval.
        resamples: Number of bootstrap resamples.
        seed: Random seed of the bootstrap.

    Raises:
        StudyError: A trial has no scores, their images are not the same, or no image has this score in both.
    """
    if one.config.dataset_sha256 != other.config.dataset_sha256:
        raise StudyError(
            f"{one.name} and {other.name}: were scored on different images ({one.dataset} and {other.dataset}); "
            "compare trials of one dataset."
        )
    tables = [_scores_by_image(trial, metric) for trial in (one, other)]
    images = sorted(tables[0].keys() & tables[1].keys())
    if not images:
        raise StudyError(f"{one.name} and {other.name}: no test image has a {metric} in both; evaluate them again.")
    micrographs, places = np.unique([source for source, _, _ in images], return_inverse=True)
    # (seeds, micrographs): sums over the images of a micrograph, so micrographs are weighted by their number of images
    sums = [_sums([table[image] for image in images], places, len(micrographs)) for table in tables]
    counts = np.bincount(places)
    low, high = _interval(sums, counts, confidence, resamples, seed)
    one_mean, other_mean = (float(each.sum() / len(each) / len(images)) for each in sums)
    return Comparison(
        one=one.name,
        other=other.name,
        metric=metric,
        one_mean=one_mean,
        other_mean=other_mean,
        difference=one_mean - other_mean,
        low=low,
        high=high,
        confidence=confidence,
        images=len(images),
        micrographs=len(micrographs),
        seeds=(len(sums[0]), len(sums[1])),
    )


def _scores_by_image(trial: TrialResult, metric: str) -> dict[Image, list[float]]:
    """Return the scores of each image with every seed; images without a score for some seed are left out."""
    if not trial.scored:
        raise StudyError(f"{trial.name}: has no scores ({trial.state}); score finished runs with `tem-rf evaluate`.")
    if metric not in METRICS:
        raise StudyError(f"score {metric!r}: expected one of {', '.join(METRICS)}.")
    table: dict[Image, list[float]] = {}
    for run in trial.scored:
        for image in run.scores:
            value = getattr(image, metric)
            if value is not None:
                table.setdefault((image.source, image.y_px, image.x_px), []).append(value)
    return {image: values for image, values in table.items() if len(values) == len(trial.scored)}


def _sums(scores: Sequence[Sequence[float]], places: np.ndarray, micrographs: int) -> np.ndarray:
    """(seeds, micrographs) sums of (images, seeds) scores."""
    return np.stack([np.bincount(places, weights=values, minlength=micrographs) for values in np.array(scores).T])


def _interval(
    sums: Sequence[np.ndarray], counts: np.ndarray, confidence: float, resamples: int, seed: int
) -> tuple[float, float]:
    draw = np.random.default_rng(seed)
    weights = _drawn(draw, len(counts), resamples)
    # (resamples, seeds) @ (seeds, micrographs), then the drawn micrographs of each resample
    means = [
        np.einsum("rs,sm,rm->r", _drawn(draw, len(each), resamples) / len(each), each, weights, optimize=True)
        for each in sums
    ]
    differences = (means[0] - means[1]) / (weights @ counts)
    low, high = np.percentile(differences, [50 * (1 - confidence), 50 * (1 + confidence)])
    return float(low), float(high)


def _drawn(draw: np.random.Generator, number: int, resamples: int) -> np.ndarray:
    """(resamples, number) counts of how often each of `number` items is drawn with replacement."""
    return draw.multinomial(number, np.full(number, 1 / number), size=resamples).astype(np.float64)


@dataclass(frozen=True)
class Finding:
    """The best trial of a dataset, compared with the others.

    Attributes:
        dataset: Name of the dataset.
        best: Name of the complete trial with the highest mean hard dice.
        comparisons: The best against every other complete trial, the closest first.
    """

    dataset: str
    best: str
    comparisons: tuple[Comparison, ...]

    @property
    def sentence(self) -> str:
        """Number of other trials that differ significantly from the best one, as a sentence."""
        others, told = len(self.comparisons), sum(each.is_distinguishable for each in self.comparisons)
        if not others:
            return f"{self.best} is the only complete trial."
        return (
            f"{self.best} has the highest mean hard dice of {others + 1} trials. Over these test images and seeds, "
            f"{told} of the other {others} are distinguishable from it; because the best was selected, its lead is "
            "overestimated."
        )


def find_best(results: Results) -> list[Finding]:
    """Compare the best trial of each dataset with the others; incomplete trials are ignored."""
    findings = []
    for dataset in dict.fromkeys(trial.dataset for trial in results.trials):
        trials = [trial for trial in results.trials if trial.dataset == dataset and trial.is_complete]
        if trials:
            findings.append(_finding(dataset, trials))
    return findings


def _finding(dataset: str, trials: Sequence[TrialResult]) -> Finding:
    best, *others = sorted(trials, key=lambda trial: trial.scores["hard_dice"].mean, reverse=True)
    return Finding(dataset, best.name, tuple(compare_trials(best, other) for other in others))
