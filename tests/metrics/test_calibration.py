"""Expected calibration error and temperature, against numbers worked out directly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from tem_rf.metrics.calibration import BINS, MarginHistogram, Reliability


def histogram(margins: np.ndarray, label: np.ndarray, unsure: np.ndarray | None = None) -> MarginHistogram:
    found = MarginHistogram()
    found.add(margins, label, unsure)
    return found


def drawn(temperature: float, *, pixels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Margins of a network that is `temperature` times too confident, and labels by its true probabilities."""
    random = np.random.default_rng(seed)
    true = random.normal(-1, 3, pixels)
    return temperature * true, random.random(pixels) < expit(true)


def test_the_error_is_the_mean_gap_of_the_bins() -> None:
    probability = np.array([0.02, 0.04, 0.95, 0.95, 0.99, 0.5])  # bins 1, 1, 15, 15, 15, 8
    label = np.array([0, 0, 1, 1, 0, 1])
    found = histogram(logit(probability), label).reliability()
    assert (found.pixels[0], found.pixels[7], found.pixels[14]) == (2, 1, 3)
    assert (found.particles[0], found.particles[7], found.particles[14]) == (0, 1, 2)
    by_hand = (abs(0.06 - 0) + abs(0.5 - 1) + abs(2.89 - 2)) / 6
    assert found.error == pytest.approx(by_hand, abs=1e-9)
    assert found.curve[1] == pytest.approx((0.5, 1.0, 1))


def test_the_histogram_agrees_with_binning_every_pixel() -> None:
    margins, label = drawn(1.7, pixels=20_000, seed=3)
    probability = expit(margins)
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = [abs((probability - label)[bins == one].sum()) for one in range(BINS)]
    assert histogram(margins, label).reliability().error == pytest.approx(sum(gaps) / len(label), abs=1e-3)
    direct = -np.log(np.where(label, probability, 1 - probability)).mean()
    assert histogram(margins, label).negative_log_likelihood() == pytest.approx(direct, abs=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_an_overconfident_network_is_found(temperature: float) -> None:
    margins, label = drawn(temperature, pixels=200_000, seed=1)
    found = histogram(margins, label)
    assert found.fit_temperature() == pytest.approx(temperature, rel=0.03)
    assert found.reliability(found.fit_temperature()).error < 0.004
    if temperature != 1:
        assert found.reliability().error > 0.02


def test_pixels_that_are_not_sure_stay_out() -> None:
    margins, label = drawn(2.0, pixels=5_000, seed=2)
    unsure = np.zeros(len(label), bool)
    unsure[::3] = True
    wrong = np.where(unsure, ~label, label)
    some, sure = histogram(margins, wrong, unsure), histogram(margins[~unsure], label[~unsure])
    assert some.pixels == sure.pixels == np.count_nonzero(~unsure)
    assert some.reliability() == sure.reliability()
    assert some.fit_temperature() == sure.fit_temperature()


def test_infinitely_sure_networks_are_measured_too() -> None:
    found = histogram(np.array([900.0, 900.0, -900.0, -900.0]), np.array([1, 0, 0, 0]))
    assert found.reliability().error == pytest.approx(0.25)
    assert np.isfinite(found.negative_log_likelihood())


def test_without_pixels_there_is_nothing_to_correct() -> None:
    empty = MarginHistogram()
    assert (empty.fit_temperature(), empty.reliability().error, empty.reliability().curve) == (1.0, 0.0, ())


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 50), st.booleans()), min_size=1, max_size=40))
def test_the_error_is_at_least_that_of_the_more_probable_class(pixels: list[tuple[float, bool]]) -> None:
    margins, label = (np.array(part) for part in zip(*pixels, strict=True))
    found = histogram(margins, label).reliability()
    joined = Reliability(  # the bins of p and 1 - p together: confidence and accuracy
        tuple(found.pixels[one] + found.pixels[-1 - one] for one in range(7)),
        tuple(found.pixels[one] - found.particles[one] + found.particles[-1 - one] for one in range(7)),
        tuple(found.pixels[one] - found.probability[one] + found.probability[-1 - one] for one in range(7)),
    )
    middle = abs(found.probability[7] - found.particles[7])
    assert found.error * sum(found.pixels) - middle >= joined.error * sum(joined.pixels) - 1e-9
