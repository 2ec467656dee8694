"""Spacing, direction and area of drawn fringes."""

import numpy as np
import pytest

from tem_rf.lattice.fringes import Fringes, find_fringes, particle_spectrum
from tem_rf.lattice.waves import local_wave, with_bend
from tests.helpers.drawn_lattice import disc, draw_fringes, speckle

SHAPE = (160, 170)
MASK = disc(SHAPE, 78, 86, 110)


def fringes_of(image: np.ndarray, mask: np.ndarray = MASK) -> tuple[Fringes, ...]:
    spectrum = particle_spectrum(image, mask, max_spacing_px=14, min_spacing_px=4)
    return () if spectrum is None else find_fringes(spectrum)


@pytest.mark.parametrize("angle", [0.0, 33.3, 90.0, 151.7])
def test_spacing_and_direction_are_found_to_a_fraction_of_a_pixel(angle: float) -> None:
    spacing = 10.37
    vector = np.array([[np.cos(np.radians(angle)), np.sin(np.radians(angle))]]) / spacing
    image = speckle(SHAPE, 1) + draw_fringes(SHAPE, vector, pixel_size_nm=1) / 10
    found = fringes_of(image)
    assert len(found) == 1
    assert found[0].spacing_px == pytest.approx(spacing, rel=0.003)
    turned = (found[0].angle_deg - angle + 90) % 180 - 90
    assert turned == pytest.approx(0, abs=0.3)
    assert abs(found[0].spacing_px - spacing) < 5 * found[0].spacing_sd_px
    assert abs(turned) < 5 * found[0].angle_sd_deg


def test_the_standard_error_is_that_of_the_spread() -> None:
    vector = np.array([[0.08, 0.05]])
    found = [
        fringes_of(speckle(SHAPE, seed) + draw_fringes(SHAPE, vector, pixel_size_nm=1) / 20)[0]
        for seed in range(0, 48, 2)
    ]
    measured = np.std([one.spacing_px for one in found])
    stated = np.mean([one.spacing_sd_px for one in found])
    assert measured == pytest.approx(stated, rel=0.5)


def test_bent_fringes_are_less_certain() -> None:
    rows, columns = np.indices(SHAPE)
    straight = np.cos(2 * np.pi * columns / 10)
    bent = np.cos(2 * np.pi * (columns / 10 + 2e-4 * (rows - 78) ** 2))
    errors = []
    for waves in (straight, bent):
        spectrum = particle_spectrum(speckle(SHAPE, 3) + waves, MASK, max_spacing_px=14, min_spacing_px=4)
        assert spectrum is not None
        one = find_fringes(spectrum)[0]
        errors.append(with_bend(one, local_wave(spectrum, one.frequency), spectrum.window).angle_sd_deg)
    assert errors[1] > 3 * errors[0]


def test_speckle_has_no_fringes() -> None:
    assert sum(len(fringes_of(speckle(SHAPE, seed))) for seed in range(100, 140, 2)) <= 1


def test_fewer_than_three_fringes_are_not_searched() -> None:
    small = disc(SHAPE, 78, 86, 11)
    image = speckle(SHAPE, 1) + draw_fringes(SHAPE, np.array([[0.2, 0]]), pixel_size_nm=1)
    assert fringes_of(image, small) == ()
    one_pixel = np.zeros(SHAPE, bool)
    one_pixel[70, 70] = True
    assert fringes_of(image, one_pixel) == ()
    assert fringes_of(image, np.zeros(SHAPE, bool)) == ()


def test_an_outlier_leaves_the_spacing_alone() -> None:
    image = speckle(SHAPE, 1) + draw_fringes(SHAPE, np.array([[0.1, 0]]), pixel_size_nm=1) / 20
    image[78, 86] = 1e6
    assert fringes_of(image)[0].spacing_px == pytest.approx(10, rel=0.003)
