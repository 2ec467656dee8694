"""Patches and labels rotate and scale together."""

from typing import Any

import numpy as np
import pytest

from tem_rf.data.turned_patches import turn_and_scale

SMOOTH = np.outer(np.sin(np.arange(64) / 7), np.cos(np.arange(64) / 9)).astype(np.float32)
LABEL = (SMOOTH > 0.3).astype(np.uint8)


def test_a_turn_of_zero_changes_nothing() -> None:
    image, label = turn_and_scale(SMOOTH, LABEL, degrees=0, scale=1)
    np.testing.assert_allclose(image, SMOOTH, atol=1e-6)
    np.testing.assert_array_equal(label, LABEL)


def test_a_quarter_turn_is_the_one_of_numpy() -> None:
    image, label = turn_and_scale(SMOOTH, LABEL, degrees=90, scale=1)
    np.testing.assert_allclose(image, np.rot90(SMOOTH), atol=1e-3)
    assert (label == np.rot90(LABEL)).mean() > 0.99


@pytest.mark.parametrize(("scale", "area"), [(0.7, 0.49), (1.5, 2.25)])
def test_a_scale_changes_areas_by_its_square(scale: Any, area: Any) -> None:
    y, x = np.mgrid[:96, :96] - 47.5
    disc = (np.hypot(y, x) < 20).astype(np.uint8)
    _, label = turn_and_scale(disc.astype(np.float32), disc, degrees=17, scale=scale)
    assert label[16:-16, 16:-16].sum() == pytest.approx(area * disc.sum(), rel=0.03)


def test_beyond_the_border_is_a_reflection() -> None:
    image, label = turn_and_scale(np.ones((64, 64), np.float32), np.ones((64, 64), np.uint8), degrees=45, scale=0.7)
    np.testing.assert_allclose(image, 1, atol=1e-5)
    assert label.all()
