"""Compare the particles of a mask with the labelled ones, particle by particle."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_SAME = 0.5  # intersection over union above which two particles match; no third one can share as much
_COVERED_FRACTION = 0.5  # of the area of a labelled particle that another must cover for it to count as merged


@dataclass(frozen=True)
class ParticleScores:
    """Labelled particles by result: each is found, merged or a false negative.

    labelled: Number of particles in the label.
        found: Those matched by one particle with an intersection over union above 0.5.
        merged: Those mostly covered by a particle that also covers another labelled one.
        merged: Those covered for the most part by a particle that covers another labelled one so, too.
        false_negatives: The others.
        false_positives: Particles mostly outside the particles of the label.
        diameter_bias_px: Mean of measured minus labelled diameter of the found particles [px]; None if none are found.
        diameter_bias: The same, relative to the labelled diameter.
    """

    labelled: int
    found: int
    merged: int
    false_negatives: int
    false_positives: int
    diameter_bias_px: float | None
    diameter_bias: float | None


def score_particles(numbers: np.ndarray, labelled: np.ndarray) -> ParticleScores:
    """Compare numbered particles with labelled ones.

    Args:
        numbers: (h, w) int, the particles of a mask, 0 on background.
        labelled: (h, w) int, those of the label.
    """
    overlap = _overlaps(labelled, numbers)  # (labelled + 1, particles + 1), background first
    true_areas, areas = overlap.sum(axis=1)[1:], overlap.sum(axis=0)[1:]
    shared = overlap[1:, 1:]
    union = true_areas[:, np.newaxis] + areas - shared
    swallowed = shared >= _COVERED_FRACTION * true_areas[:, np.newaxis]
    merged = (swallowed & (swallowed.sum(axis=0) > 1)).any(axis=1)
    same = (shared > _SAME * union) & ~merged[:, np.newaxis]
    found, partner = np.nonzero(same)
    true_diameters, diameters = (2 * np.sqrt(a / np.pi) for a in (true_areas[found], areas[partner]))
    difference = diameters - true_diameters
    return ParticleScores(
        labelled=len(true_areas),
        found=len(found),
        merged=int(merged.sum()),
        false_negatives=len(true_areas) - len(found) - int(merged.sum()),
        false_positives=int((shared.sum(axis=0) < _COVERED_FRACTION * areas).sum()),
        diameter_bias_px=float(difference.mean()) if len(found) else None,
        diameter_bias=float((difference / true_diameters).mean()) if len(found) else None,
    )


def add_scores(scores: Sequence[ParticleScores]) -> ParticleScores:
    """Combine the scores of several micrographs: counts are summed, biases are means over all found particles."""
    found = sum(one.found for one in scores)

    def mean(values: Iterable[float | None]) -> float | None:
        weighted = [value * one.found for value, one in zip(values, scores, strict=True) if value is not None]
        return sum(weighted) / found if found else None

    return ParticleScores(
        labelled=sum(one.labelled for one in scores),
        found=found,
        merged=sum(one.merged for one in scores),
        false_negatives=sum(one.false_negatives for one in scores),
        false_positives=sum(one.false_positives for one in scores),
        diameter_bias_px=mean(one.diameter_bias_px for one in scores),
        diameter_bias=mean(one.diameter_bias for one in scores),
    )


def _overlaps(labelled: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Pixels that each labelled particle shares with each particle."""
    rows, columns = int(labelled.max()) + 1, int(numbers.max()) + 1
    pairs = labelled.astype(np.int64) * columns + numbers
    return np.bincount(pairs.ravel(), minlength=rows * columns).reshape(rows, columns)
