"""A temperature changes probabilities and no mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tem_rf.metrics.dice import particle_mask
from tem_rf.models.probability import calibrate_probability, margin_of, particle_probability

TEMPERATURES = [0.1, 0.7, 1.0, 1.3, 10.0]


def logits_of(margins: np.ndarray) -> np.ndarray:
    return np.stack([np.zeros_like(margins), margins], axis=-1)


def margins_near_zero() -> np.ndarray:
    """Every float32 around the margins at which float32 rounds a probability to one half, and ordinary ones."""
    tiny = np.float32(1e-9) * np.float32(1.01) ** np.arange(1500, dtype=np.float32)
    ordinary = np.random.default_rng(0).normal(0, 8, 10_000).astype(np.float32)
    extreme = np.array([0, 17, 80, 120, np.inf], np.float32)
    return np.concatenate([tiny, -tiny, ordinary, extreme, -extreme])


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_mask_is_that_without_a_temperature(temperature: float) -> None:
    logits = logits_of(margins_near_zero())
    plain = particle_probability(logits)
    expected = particle_mask(plain)
    np.testing.assert_array_equal(particle_mask(particle_probability(logits, temperature)), expected)
    np.testing.assert_array_equal(particle_mask(calibrate_probability(plain, temperature)), expected)


def test_rounding_alone_would_change_the_mask() -> None:
    margins = margins_near_zero()
    assert (particle_mask(particle_probability(logits_of(margins / np.float32(0.1)))) != particle_mask(
        particle_probability(logits_of(margins)))).any()  # fmt: skip


@settings(deadline=None)
@given(st.floats(0, 1, width=32), st.floats(0.1, 10))
def test_every_probability_stays_one_on_its_side(value: float, temperature: float) -> None:
    before = np.array([value], np.float32)
    after = calibrate_probability(before, temperature)
    assert after.dtype == np.float32
    assert 0 <= after[0] <= 1
    assert (after[0] > 0.5) == (before[0] > 0.5)


def test_logits_and_probabilities_are_calibrated_alike() -> None:
    margins = np.linspace(-12, 12, 400, dtype=np.float32)
    by_logits = particle_probability(logits_of(margins), 1.8)
    np.testing.assert_allclose(by_logits, 1 / (1 + np.exp(-margins.astype(float) / 1.8)), atol=1e-6)
    by_probability = calibrate_probability(particle_probability(logits_of(margins)), 1.8)
    np.testing.assert_allclose(by_probability, by_logits, atol=1e-4)


def test_certain_pixels_have_a_finite_margin() -> None:
    assert margin_of(np.array([0, 1], np.float32)).tolist() == pytest.approx([-16.635, 16.635], abs=0.001)


def test_without_a_temperature_nothing_is_computed() -> None:
    values = np.array([0.0, 0.3, 1.0], np.float32)
    assert calibrate_probability(values, 1.0) is values
