from typing import Any

import pytest

from tem_rf.data.pixel_size import is_reciprocal, is_spectral, length_nm


@pytest.mark.parametrize(
    ("value", "unit", "expected_nm"),
    [
        (0.02, "nm", 0.02),
        (0.25, "\u00b5m", 250),
        (0.25, "\u03bcm", 250),
        (0.25, "um", 250),
        (0.25, "micron", 250),
        (0.25, "microns", 250),
        (0.25, r"\u00B5m", 250),
        (20, "pm", 0.02),
        (2, "\u00c5", 0.2),
        (2, "\u212b", 0.2),
        (2, "A", 0.2),
        (2, "angstrom", 0.2),
        (3e-06, "m", 3000),
        (0.0122, "[n_m]", 0.0122),
        (1, "Nanometers", 1),
    ],
)
def test_every_unit_of_length_becomes_nm(value: float, unit: str, expected_nm: float) -> None:
    assert length_nm(value, unit) == pytest.approx(expected_nm, rel=1e-9)


@pytest.mark.parametrize("unit", [None, "", "pixel", "px", "inch", "cm", "1/nm", "eV", "s", "[]"])
def test_a_unit_that_is_no_microscope_length_gives_none(unit: str | None) -> None:
    assert length_nm(1.0, unit) is None


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1e-9, 1e12])
def test_a_value_that_no_pixel_has_gives_none(value: Any) -> None:
    assert length_nm(value, "nm") is None


@pytest.mark.parametrize("unit", ["1/nm", "1 / nm", "1/Å", "nm^-1", "nm⁻¹", "mrad", "1/n_m"])
def test_units_of_diffraction_patterns_are_reciprocal(unit: str) -> None:
    assert is_reciprocal(unit)
    assert length_nm(1.0, unit) is None


def test_energies_are_spectral_and_lengths_are_neither() -> None:
    assert is_spectral("eV")
    assert is_spectral("keV")
    assert not is_spectral("nm")
    assert not is_reciprocal("µm")
