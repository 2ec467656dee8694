"""Score numbered particles against labelled ones as instance segmentation does: matches at several overlaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""Intersections over union from which two particles match: 0.5, 0.55, ... 0.95."""

_TABLE = 2**22  # maximum number of pairs of particles for which a table is counted; more are sorted


@dataclass(frozen=True)
class InstanceScores:
    """Matches between labelled and found particles, from which the usual scores follow.

    Attributes:
        labelled: Number of particles in the label.
        found: Number of particles in the mask.
        true_positives: Number of matched pairs at each of `THRESHOLDS`.
        overlap: Sum of the intersections over union of the pairs matched at 0.5.

    >>> scores = InstanceScores(labelled=4, found=5, true_positives=(3,) * 10, overlap=2.4)
    >>> scores.precision()[0], scores.recall()[0], round(scores.f1()[0], 3), round(scores.panoptic_quality, 3)
    (0.6, 0.75, 0.667, 0.533)
    """

    labelled: int
    found: int
    true_positives: tuple[int, ...]
    overlap: float

    def precision(self) -> tuple[float | None, ...]:
        """Fraction of the found particles that match, at each threshold; None if none were found."""
        return tuple(count / self.found if self.found else None for count in self.true_positives)

    def recall(self) -> tuple[float | None, ...]:
        """Fraction of the labelled particles that match, at each threshold; None if there are none."""
        return tuple(count / self.labelled if self.labelled else None for count in self.true_positives)

    def f1(self) -> tuple[float | None, ...]:
        """Harmonic mean of precision and recall at each threshold; None if there are no particles at all."""
        total = self.labelled + self.found
        return tuple(2 * count / total if total else None for count in self.true_positives)

    @property
    def mean_f1(self) -> float | None:
        """Mean of F1 over the thresholds."""
        values = [one for one in self.f1() if one is not None]
        return sum(values) / len(values) if values else None

    @property
    def panoptic_quality(self) -> float | None:
        """F1 at 0.5 times the mean overlap of the matches (Kirillov et al. 2019, "Panoptic segmentation")."""
        total = self.labelled + self.found
        return 2 * self.overlap / total if total else None

    def to_json(self) -> dict[str, Any]:
        """All scores as JSON types; lists have one value per threshold."""
        return {
            "iou": list(THRESHOLDS),
            "labelled": self.labelled,
            "found": self.found,
            "true_positives": list(self.true_positives),
            "precision": list(self.precision()),
            "recall": list(self.recall()),
            "f1": list(self.f1()),
            "mean_f1": self.mean_f1,
            "panoptic_quality": self.panoptic_quality,
        }


@dataclass(frozen=True, eq=False)
class Overlaps:
    """The pairs of a labelled and a found particle that share pixels.

    Attributes:
        labelled_px: (labelled + 1,) areas of the labelled particles, background first [px].
        found_px: (found + 1,) areas of the found ones.
        labels: (pairs,) number of the labelled particle of each pair.
        numbers: (pairs,) number of the found one.
        shared_px: (pairs,) pixels that they share.
    """

    labelled_px: np.ndarray
    found_px: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray
    shared_px: np.ndarray

    @property
    def iou(self) -> np.ndarray:
        """(pairs,) intersection over union."""
        union = self.labelled_px[self.labels] + self.found_px[self.numbers] - self.shared_px
        return self.shared_px / union


def count_overlaps(numbers: np.ndarray, labelled: np.ndarray) -> Overlaps:
    """Count the pixels that particles share, however many particles there are.

    Args:
        numbers: (h, w) int, the particles of a mask, numbered without gaps, 0 on background.
        labelled: (h, w) int, those of the label.
    """
    labelled_px, found_px = (np.bincount(one.ravel()) for one in (labelled, numbers))
    both = (labelled > 0) & (numbers > 0)
    width = len(found_px)
    codes = labelled[both].astype(np.int64) * width + numbers[both]
    if len(labelled_px) * width <= _TABLE:
        counts = np.bincount(codes)
        (pairs,) = np.nonzero(counts)
        shared = counts[pairs]
    else:
        pairs, shared = np.unique(codes, return_counts=True)
    return Overlaps(labelled_px, found_px, pairs // width, pairs % width, shared)


def score_instances(overlaps: Overlaps) -> InstanceScores:
    """Match particles one to one at each threshold.

    Two pairs of the same particle can only compete at an intersection over union of exactly 0.5, where the number of
    matches is maximized.
    """
    iou = overlaps.iou
    counts = [_matches(overlaps, iou >= threshold) for threshold in THRESHOLDS]
    above = iou > THRESHOLDS[0]
    tied = counts[0] - int(np.count_nonzero(above))
    return InstanceScores(
        labelled=len(overlaps.labelled_px) - 1,
        found=len(overlaps.found_px) - 1,
        true_positives=tuple(counts),
        overlap=float(iou[above].sum()) + THRESHOLDS[0] * tied,
    )


def add_instance_scores(scores: Sequence[InstanceScores]) -> InstanceScores:
    """Combine the scores of several images by summing their matches."""
    return InstanceScores(
        labelled=sum(one.labelled for one in scores),
        found=sum(one.found for one in scores),
        true_positives=tuple(
            map(sum, zip(*(one.true_positives for one in scores), strict=True)) if scores else (0,) * len(THRESHOLDS)
        ),
        overlap=sum(one.overlap for one in scores),
    )


def _matches(overlaps: Overlaps, candidates: np.ndarray) -> int:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    labels, numbers = overlaps.labels[candidates], overlaps.numbers[candidates]
    if len(np.unique(labels)) == len(np.unique(numbers)) == len(labels):
        return len(labels)
    shape = (len(overlaps.labelled_px), len(overlaps.found_px))
    graph = csr_array((np.ones(len(labels), np.int8), (labels, numbers)), shape)
    return int(np.count_nonzero(maximum_bipartite_matching(graph, "column") >= 0))
