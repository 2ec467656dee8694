"""The distance that a network learns is that to the edge of each pixel's own particle."""

import numpy as np
import pytest

from tem_rf.data.dihedral import TRANSFORMS, dihedral
from tem_rf.data.distance_target import UNKNOWN, distance_target, normalized_distance
from tem_rf.data.prepared import PARTICLE, UNSURE
from tests.helpers.discs import discs

SIDE = 60


def touching() -> np.ndarray:
    """(60, 60) int32: two discs that touch, one that the border cuts."""
    numbers = np.zeros((SIDE, SIDE), np.int32)
    for number, (y, x, radius) in enumerate([(20, 15, 10), (20, 35, 12), (58, 45, 8)], start=3):
        numbers[discs((SIDE, SIDE), (y, x, radius)) & (numbers == 0)] = number
    return numbers


def test_every_particle_rises_from_its_own_edge_to_one() -> None:
    numbers = touching()
    target = normalized_distance(numbers)
    assert (target[numbers == 0] == 0).all()
    for number in (3, 4, 5):
        inside = target[numbers == number]
        assert inside.min() > 0
        assert inside.max() == pytest.approx(1)
    meeting = target[20, 20:28]  # across the contact of the first two
    assert meeting.min() < 0.2
    assert meeting[0] > meeting.min() < meeting[-1]


def test_the_border_of_the_image_is_no_edge() -> None:
    target = normalized_distance(touching())
    assert target[SIDE - 1, 45] > 0.8


def test_transforming_and_measuring_are_the_same_in_either_order() -> None:
    numbers = touching()
    for transform in range(TRANSFORMS):
        np.testing.assert_allclose(
            normalized_distance(dihedral(numbers, transform)), dihedral(normalized_distance(numbers), transform)
        )


def test_what_the_label_does_not_tell_is_not_trained_on() -> None:
    numbers = touching()
    classes = np.where(numbers > 0, PARTICLE, 0).astype(np.uint8)
    classes[40:44, :4] = UNSURE
    numbers[numbers == 5] = 0  # a particle without a number
    target = distance_target(classes, numbers)
    unknown = (classes == UNSURE) | (classes == PARTICLE) & (numbers == 0)
    np.testing.assert_array_equal(target == UNKNOWN, unknown)


def test_a_particle_that_fills_the_image_has_no_distance() -> None:
    assert (normalized_distance(np.full((8, 8), 2)) == UNKNOWN).all()
