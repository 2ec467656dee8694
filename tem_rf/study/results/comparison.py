"""Whether one trial is better than another, or only luckier with its test images and its seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_rf.errors import StudyError
from tem_rf.evaluation.trials import Results, TrialResult
from tem_rf.metrics.scores import METRICS

RESAMPLES = 9999
Image = tuple[str, int, int]
"""Micrograph, row and column: what makes an image the same image for two trials."""

_LESS_IS_BETTER = {"mean_surface_distance_px", "hausdorff95_px", "mean_surface_distance_nm", "hausdorff95_nm"}


@dataclass(frozen=True)
class Comparison:
    """A score of two trials on the same images.

    Attributes:
        one: Name of a trial.
        other: Name of the other trial.
        metric: Name of the score.
        one_mean: Mean of the first over its seeds and the images.
        other_mean: Mean of the other.
        difference: The first less the other.
        low: Lower end of the bootstrap interval of the difference.
        high: Upper end.
        confidence: Part of the resampled differences within the interval.
        images: Images that both have a score of.
        micrographs: Micrographs that these images were cut from.
        seeds: Seeds of the first and of the other.
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
        """Whether the interval leaves zero out and rests on micrographs enough."""
        return self.micrographs >= min_micrographs(self.confidence) and not self.low <= 0 <= self.high

    @property
    def verdict(self) -> str:
        """What the interval means, in a sentence."""
        name = self.metric.replace("_", " ")
        interval = f"{self.difference:+.4f}, {self.confidence:.0%} interval {self.low:+.4f} to {self.high:+.4f}"
        minimum = min_micrographs(self.confidence)
        if self.micrographs < minimum:
            found = f"expected {minimum} test micrographs or more, there are {self.micrographs}"
            return f"Whether {name} differs cannot be told: {found} ({interval})."
        if not self.is_distinguishable:
            return f"Not distinguishable in {name} ({interval})."
        is_better = (self.difference > 0) is not (self.metric in _LESS_IS_BETTER)
        better, worse = (self.one, self.other) if is_better else (self.other, self.one)
        one_seed = "; one seed says nothing of others" if 1 in self.seeds else ""
        return f"{better} is better than {worse} in {name} ({interval}{one_seed})."


def min_micrographs(confidence: float) -> int:
    """With fewer, no test of pairs reaches the confidence: their signs agree by chance more often than it allows.

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

    A percentile bootstrap draws micrographs, and seeds of either trial, with replacement. Patches of one micrograph
    are alike, so they are drawn together; an image counts as often for one trial as for the other.

    Args:
        one: A trial with scores.
        other: Another one, of the same dataset.
        metric: Name of a score.
        confidence: Part of the resampled differences that the interval holds.
        resamples: How often to draw.
        seed: Seed of the draws.

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
    # (seeds, micrographs): sums over the images of a micrograph, so that micrographs weigh by their images
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
    """The score of each image with every seed; images without one with some seed are left out."""
    if not trial.scored:
        raise StudyError(
            f"{trial.name}: has no scores ({trial.state}); `tem-rf evaluate` makes those of a finished run."
        )
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
    """(resamples, number) how often each of a number of things is drawn with replacement."""
    return draw.multinomial(number, np.full(number, 1 / number), size=resamples).astype(np.float64)


@dataclass(frozen=True)
class Finding:
    """The best trial of a dataset, and the others held against it.

    Attributes:
        dataset: Name of the dataset.
        best: Name of the complete trial with the greatest mean hard dice.
        comparisons: The best against every other complete trial, the closest first.
    """

    dataset: str
    best: str
    comparisons: tuple[Comparison, ...]

    @property
    def sentence(self) -> str:
        """How many of the others are told from the best one."""
        others, told = len(self.comparisons), sum(each.is_distinguishable for each in self.comparisons)
        if not others:
            return f"{self.best} is the only trial that is complete."
        return (
            f"{self.best} has the greatest mean hard dice of {others + 1}. Over these test images and seeds {told} of "
            f"the other {others} can be told from it; picked as the greatest of all, its lead is overstated."
        )


def find_best(results: Results) -> list[Finding]:
    """Hold the best trial of each dataset against the others; trials that are not complete take no part."""
    findings = []
    for dataset in dict.fromkeys(trial.dataset for trial in results.trials):
        trials = [trial for trial in results.trials if trial.dataset == dataset and trial.is_complete]
        if trials:
            findings.append(_finding(dataset, trials))
    return findings


def _finding(dataset: str, trials: Sequence[TrialResult]) -> Finding:
    best, *others = sorted(trials, key=lambda trial: trial.scores["hard_dice"].mean, reverse=True)
    return Finding(dataset, best.name, tuple(compare_trials(best, other) for other in others))
