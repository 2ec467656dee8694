"""A mask is measured in windows as it is measured whole; specks are left out and counted."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tem_rf.errors import SettingsError
from tem_rf.particles.mask import disc_area_px, measure_mask, resolve_min_diameter_px
from tem_rf.particles.measure import Particle, measure_particles
from tem_rf.particles.split import number_particles
from tests.helpers.discs import discs


def blobs(seed: int, shape: tuple[int, ...] = (230, 120), threshold: Any = 0.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=shape), 4)
    return field > threshold * field.std(), rng.poisson(100, shape).astype(np.uint16)


@pytest.mark.parametrize("rows", [13, 40, 64, 500])
@pytest.mark.parametrize("split", [False, True, "by distance"])
@pytest.mark.parametrize("threshold", [0.2, 1.0])  # one network of particles from top to bottom; single ones
def test_windows_leave_no_trace(rows: int, split: bool | str, threshold: float) -> None:
    mask, counts = blobs(3, threshold=threshold)
    distance = (
        gaussian_filter(np.random.default_rng(4).normal(size=mask.shape), 3) * 10 if split == "by distance" else None
    )
    numbers = number_particles(mask, split_touching=bool(split), distance=distance)
    assert distance is None or numbers.max() > number_particles(mask).max()
    whole = measure_particles(numbers, counts)
    measured = measure_mask(mask, counts, min_area_px=12, split_touching=bool(split), distance=distance, rows=rows)
    assert len(whole) > 5
    assert [one.number for one in measured.particles] == list(range(1, len(whole) + 1))

    def rounded(particle: Any) -> Particle:
        values = {name: round(value, 6) for name, value in vars(particle).items() if isinstance(value, float)}
        return replace(particle, number=0, **values)

    def by_place(particles: Any) -> list[Particle]:
        return sorted(map(rounded, particles), key=lambda one: (one.y_px, one.x_px))

    assert by_place(measured.particles) == by_place(whole)


@pytest.mark.parametrize("rows", range(40, 70))  # the edge of the window anywhere in the lower disc
def test_a_particle_cut_by_a_window_is_no_background_of_its_neighbour(rows: int) -> None:
    mask = discs((140, 60), (30, 30, 12), (57, 30, 12))
    counts = 100.0 + 50.0 * mask + np.random.default_rng(0).normal(size=mask.shape)
    whole = measure_particles(number_particles(mask), counts)
    measured = measure_mask(mask, counts, min_area_px=50, rows=rows)
    assert [one.contrast for one in measured.particles] == pytest.approx([one.contrast for one in whole], rel=1e-5)


def test_specks_are_left_out_and_counted() -> None:
    mask = discs((200, 60), (20, 20, 10), (100, 30, 3), (150, 30, 1.5), (196, 20, 4.5))
    measured = measure_mask(mask, mask * 1.0, min_area_px=disc_area_px(8), rows=32)
    assert [round(one.y_px) for one in measured.particles] == [20, 196]
    assert measured.left_out == 2


def test_the_least_diameter_is_that_of_the_user_or_of_physics() -> None:
    assert resolve_min_diameter_px(None) == 8
    assert resolve_min_diameter_px(0.02152) == pytest.approx(0.5 / 0.02152)
    assert resolve_min_diameter_px(0.02152, given_px=3) == 3
    assert resolve_min_diameter_px(0.1, given_nm=2) == 20
    with pytest.raises(SettingsError, match="`min_diameter_px`"):
        resolve_min_diameter_px(None, given_nm=2)
    with pytest.raises(SettingsError, match="give only one"):
        resolve_min_diameter_px(0.1, given_nm=2, given_px=3)
