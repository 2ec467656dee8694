"""Compare the particles of a mask with the labelled ones, particle by particle."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tem_rf.particles.instance_scores import (
    InstanceScores,
    Overlaps,
    add_instance_scores,
    count_overlaps,
    score_instances,
)

_SAME = 0.5  # intersection over union above which two particles match; no third one can share as much
_COVERED_FRACTION = 0.5  # of the area of a particle that another must cover for it to count as merged or split


@dataclass(frozen=True)
class ParticleScores:
    """Labelled particles by result: each is found, merged or a false negative.

    Attributes:
        labelled: Number of particles in the label.
        found: Those matched by one particle with an intersection over union above 0.5.
        merged: Those mostly covered by a particle that also covers another labelled one.
        split: Those that mostly contain at least two particles.
        false_negatives: Those neither found nor merged.
        false_positives: Particles mostly outside the particles of the label.
        diameter_bias_px: Mean of measured minus labelled diameter of the found particles [px]; None if none are found.
        diameter_bias: The same, relative to the labelled diameter.
        instances: Matches at several overlaps.
    """

    labelled: int
    found: int
    merged: int
    split: int
    false_negatives: int
    false_positives: int
    diameter_bias_px: float | None
    diameter_bias: float | None
    instances: InstanceScores

    def to_json(self) -> dict[str, Any]:
        """All scores as JSON types."""
        return {**asdict(self), "instances": self.instances.to_json()}


def score_particles(numbers: np.ndarray, labelled: np.ndarray) -> ParticleScores:
    """Compare numbered particles with labelled ones.

    Args:
        numbers: (h, w) int, the particles of a mask, numbered from 1 without gaps, 0 on background.
        labelled: (h, w) int, those of the label.
    """
    overlaps = count_overlaps(numbers, labelled)
    true_areas, areas = overlaps.labelled_px, overlaps.found_px
    merged = _merged(overlaps)
    same = (overlaps.iou > _SAME) & ~merged[overlaps.labels]
    true_diameters = 2 * np.sqrt(true_areas[overlaps.labels[same]] / np.pi)
    difference = 2 * np.sqrt(areas[overlaps.numbers[same]] / np.pi) - true_diameters
    found, merged_count, labelled_count = len(difference), int(merged.sum()), len(true_areas) - 1
    on_particles = np.bincount(overlaps.numbers, overlaps.shared_px, minlength=len(areas))
    return ParticleScores(
        labelled=labelled_count,
        found=found,
        merged=merged_count,
        split=_split_count(overlaps),
        false_negatives=labelled_count - found - merged_count,
        false_positives=int((on_particles < _COVERED_FRACTION * areas)[1:].sum()),
        diameter_bias_px=float(difference.mean()) if found else None,
        diameter_bias=float((difference / true_diameters).mean()) if found else None,
        instances=score_instances(overlaps),
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
        split=sum(one.split for one in scores),
        false_negatives=sum(one.false_negatives for one in scores),
        false_positives=sum(one.false_positives for one in scores),
        diameter_bias_px=mean(one.diameter_bias_px for one in scores),
        diameter_bias=mean(one.diameter_bias for one in scores),
        instances=add_instance_scores([one.instances for one in scores]),
    )


def _merged(overlaps: Overlaps) -> np.ndarray:
    """(labelled + 1,) whether each labelled particle is mostly covered by a particle that also covers another one."""
    covered = overlaps.shared_px >= _COVERED_FRACTION * overlaps.labelled_px[overlaps.labels]
    times = np.bincount(overlaps.numbers[covered], minlength=len(overlaps.found_px))
    merged = np.zeros(len(overlaps.labelled_px), bool)
    merged[overlaps.labels[covered & (times[overlaps.numbers] > 1)]] = True
    return merged


def _split_count(overlaps: Overlaps) -> int:
    """Number of labelled particles that mostly contain at least two of the found ones."""
    within = overlaps.shared_px >= _COVERED_FRACTION * overlaps.found_px[overlaps.numbers]
    return int(np.count_nonzero(np.bincount(overlaps.labels[within]) > 1))
