"""Instances are matched as by the field's own programs: numbers by hand, properties, and StarDist's answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tem_rf.particles.instance_scores import (
    THRESHOLDS,
    InstanceScores,
    add_instance_scores,
    count_overlaps,
    score_instances,
)
from tem_rf.particles.scores import score_particles
from tem_rf.particles.split import renumber


def score(numbers: np.ndarray, labelled: np.ndarray) -> InstanceScores:
    return score_instances(count_overlaps(numbers, labelled))


def boxes(*corners: tuple[int, int, int, int], shape: tuple[int, int] = (60, 60)) -> np.ndarray:
    """Rectangles (top, left, height, width), numbered from 1; later ones on top."""
    numbers = np.zeros(shape, int)
    for number, (top, left, height, width) in enumerate(corners, start=1):
        numbers[top : top + height, left : left + width] = number
    return numbers


def test_matches_are_counted_at_each_overlap() -> None:
    labelled = boxes((0, 0, 10, 10), (20, 0, 10, 10), (40, 0, 10, 10))
    numbers = boxes((0, 0, 10, 10), (20, 0, 10, 8), (40, 5, 10, 10), (20, 30, 5, 5))  # IoU 1, 0.8, 1/3, 0
    scores = score(numbers, labelled)
    assert (scores.labelled, scores.found) == (3, 4)
    assert scores.true_positives == (2,) * 7 + (1,) * 3
    assert scores.precision()[0] == 0.5
    assert scores.recall()[0] == pytest.approx(2 / 3)
    assert scores.f1()[-1] == pytest.approx(2 / 7)
    assert scores.panoptic_quality == pytest.approx(2 * 1.8 / 7)


def test_no_particles_have_no_scores_rather_than_perfect_ones() -> None:
    nothing, one = np.zeros((5, 5), int), np.ones((5, 5), int)
    assert (score(nothing, nothing).mean_f1, score(nothing, nothing).panoptic_quality) == (None, None)
    assert (score(one, nothing).mean_f1, score(one, nothing).recall()[0]) == (0, None)
    assert (score(nothing, one).mean_f1, score(nothing, one).precision()[0]) == (0, None)


def test_of_two_halves_one_matches() -> None:
    halves, whole = boxes((0, 0, 10, 5), (0, 5, 10, 5)), boxes((0, 0, 10, 10))
    assert score(halves, whole).true_positives == score(whole, halves).true_positives == (1,) + (0,) * 9
    assert score_particles(halves, whole).split == 1
    assert score_particles(whole, halves).merged == 2


# What `matching_dataset(labels, predictions, thresh=...)` of StarDist 0.9.2 answers for `PAIRS`:
# true positives, false positives and false negatives.
STARDIST = {
    0.5: (83, 97, 97),
    0.55: (68, 112, 112),
    0.6: (53, 127, 127),
    0.65: (38, 142, 142),
    0.7: (29, 151, 151),
    0.75: (14, 166, 166),
    0.8: (7, 173, 173),
    0.85: (3, 177, 177),
    0.9: (0, 180, 180),
    0.95: (0, 180, 180),
}
STARDIST_PANOPTIC_QUALITY = 0.30215937  # at 0.5


def crowd(shift: int) -> np.ndarray:
    """Touching particles of many shapes, by arithmetic alone: the nearest of 60 points, within a radius."""
    number = np.arange(60)
    rows, columns, radii = (
        (number * 37 + shift * (number % 5)) % 128,
        (number * 53 + shift * (number % 3)) % 128,
        6 + number % 7 + shift,
    )
    y, x = np.indices((128, 128))
    distance = np.hypot(y[..., None] - rows, x[..., None] - columns) / radii
    return renumber(np.where(distance.min(axis=-1) <= 1, distance.argmin(axis=-1) + 1, 0), 1)


PAIRS = [(crowd(shift), crowd(0)) for shift in (1, 2, 3)]


def test_the_answers_are_those_of_stardist() -> None:
    scores = add_instance_scores([score(found, labelled) for found, labelled in PAIRS])
    counts = {
        threshold: (matched, scores.found - matched, scores.labelled - matched)
        for threshold, matched in zip(THRESHOLDS, scores.true_positives, strict=True)
    }
    assert counts == STARDIST
    assert scores.panoptic_quality == pytest.approx(STARDIST_PANOPTIC_QUALITY, abs=1e-6)


NUMBERS = arrays(np.int32, (12, 12), elements=st.integers(0, 4))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(NUMBERS, NUMBERS)
def test_the_matching_is_the_best_of_all_assignments(numbers: np.ndarray, labelled: np.ndarray) -> None:
    from scipy.optimize import linear_sum_assignment

    numbers, labelled = renumber(numbers, 1), renumber(labelled, 1)
    scores = score(numbers, labelled)
    iou = np.zeros((labelled.max(), numbers.max()))
    for one in range(labelled.max()):
        for other in range(numbers.max()):
            first, second = labelled == one + 1, numbers == other + 1
            iou[one, other] = (first & second).sum() / (first | second).sum()
    for threshold, matched in zip(THRESHOLDS, scores.true_positives, strict=True):
        rows, columns = linear_sum_assignment(-(iou >= threshold).astype(float))
        assert matched == (iou[rows, columns] >= threshold).sum()


def test_seventy_thousand_particles_need_no_table_of_pairs() -> None:
    numbers = np.zeros((540, 540), np.int32)
    numbers[::2, ::2] = np.arange(1, 270 * 270 + 1).reshape(270, 270)
    scores = score_particles(numbers, numbers)
    assert (scores.found, scores.split, scores.merged) == (72900, 0, 0)
    assert scores.instances.true_positives[-1] == 72900
