"""Advice quotes its evidence and says what it rests on."""

from dataclasses import replace
from typing import Any

import pytest

from tem_rf import Architecture
from tem_rf.architecture.advice import Evidence, Result, advise
from tem_rf.errors import SettingsError

LOW_CONTRAST = Evidence(patch_size=1024, pixel_size_nm=0.02152, separability=0.55, diameter_px=232.0)


def results(**dice: float) -> tuple[Result, ...]:
    return tuple(Result(Architecture.from_name(f"n2-{pooling}"), (value,)) for pooling, value in dice.items())


def texts(advice: Any, basis: str) -> str:
    return " ".join(statement.text for statement in advice.statements if statement.basis == basis)


def test_low_contrast_asks_for_larger_fields_than_high_contrast() -> None:
    low, high = advise(LOW_CONTRAST), advise(replace(LOW_CONTRAST, separability=0.98))
    assert low.low_px > high.low_px
    assert low.high_px > high.high_px
    assert "55% of the pairs" in texts(low, "measured")
    assert "low amplitude contrast" in texts(low, "measured")
    assert "high amplitude contrast" in texts(high, "measured")


def test_the_range_scales_with_the_particles() -> None:
    # half of 0.45 diameters to twice 0.86 diameters
    assert (advise(LOW_CONTRAST).low_px, advise(LOW_CONTRAST).high_px) == (52, 399)
    half = advise(replace(LOW_CONTRAST, diameter_px=116.0))
    assert (half.low_px, half.high_px) == (26, 200)


def test_the_study_is_quoted_as_the_study() -> None:
    assert "5 nm gold" in texts(advise(LOW_CONTRAST), "study")
    assert "5 nm gold" not in texts(advise(LOW_CONTRAST), "measured")


def test_runs_on_the_data_outweigh_the_study() -> None:
    advice = advise(replace(LOW_CONTRAST, results=results(p22=0.70, p44=0.80, p48=0.805, p88=0.79)))
    # n2-p44, 120 px, is within 0.01 of the best
    assert (advice.low_px, advice.high_px) == (60, 240)
    assert "n2-p44 (120 px, 2.58 nm) reaches validation dice 0.800 in 1 run" in texts(advice, "measured")
    assert "5 nm gold" not in texts(advice, "study")


def test_dice_that_still_rises_asks_for_larger_fields_than_any_tried() -> None:
    advice = advise(replace(LOW_CONTRAST, results=results(p22=0.60, p44=0.80)))
    assert "still rises" in texts(advice, "measured")
    assert advice.high_px == 360 > 120


def test_runs_of_one_field_prove_nothing_about_the_field() -> None:
    one = advise(replace(LOW_CONTRAST, results=results(p44=0.80)))
    assert one == advise(LOW_CONTRAST)


def test_a_range_ends_at_half_a_patch() -> None:
    advice = advise(replace(LOW_CONTRAST, patch_size=256))
    assert advice.high_px == 128
    assert "prepare larger patches" in texts(advice, "rule")


def test_without_a_diameter_and_without_runs_one_is_asked_for() -> None:
    with pytest.raises(SettingsError, match="give `particle_nm`"):
        advise(replace(LOW_CONTRAST, diameter_px=None))
    assert advise(replace(LOW_CONTRAST, diameter_px=None, results=results(p22=0.6, p44=0.8))).high_px == 360
