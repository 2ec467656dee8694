"""A power law and uneven illumination, as numbers that can be checked by hand."""

import numpy as np
import pytest

from tem_rf.data.grey_levels import apply_gamma, tilt_illumination

RAMP = np.linspace(-3, 5, 100 * 100).reshape(100, 100)


def test_the_exponent_applies_between_black_and_white() -> None:
    np.testing.assert_allclose(apply_gamma(RAMP, 2), np.linspace(0, 1, RAMP.size).reshape(RAMP.shape) ** 2, atol=0.03)
    assert (apply_gamma(RAMP, 2) <= apply_gamma(RAMP, 1)).all()


def test_a_constant_image_stays_finite() -> None:
    assert np.isfinite(apply_gamma(np.ones((8, 8)), 0.7)).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_illumination_changes_smoothly_by_its_strength(seed: int) -> None:
    field = tilt_illumination(np.zeros((60, 90)), 0.5, np.random.default_rng(seed))
    assert np.ptp(field) == pytest.approx(0.5, rel=1e-5)
    assert max(np.abs(np.diff(field, axis=axis)).max() for axis in (0, 1)) < 0.05
