"""Conditions that a network is tried on."""

import numpy as np

from tem_rf.trust.conditions import Condition, with_inverted
from tem_rf.trust.kinds import EMPTY, INVERTED, NOISE

MASK = np.eye(8, dtype=bool)


def test_every_micrograph_with_particles_and_the_right_contrast_has_an_inverted_copy() -> None:
    pixels = np.arange(64, dtype=np.float32).reshape(8, 8) + 5
    kinds = ("", INVERTED, NOISE, EMPTY)
    conditions = list(with_inverted(Condition(pixels, MASK, 0.02, number, kind) for number, kind in enumerate(kinds)))
    assert [(one.specimen, one.kind) for one in conditions] == [
        *((0, ""), (0, INVERTED), (1, INVERTED), (2, NOISE), (2, INVERTED), (3, EMPTY)),
    ]
    copy = conditions[1]
    np.testing.assert_array_equal(copy.pixels, pixels[::-1, ::-1])
    np.testing.assert_array_equal(copy.mask, MASK)
