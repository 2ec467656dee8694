"""The confidence of particles, and particles below the minimum confidence."""

from pathlib import Path

import numpy as np
import pytest

from tem_rf.particles.confidence import particle_confidence
from tem_rf.particles.mask import measure_mask
from tem_rf.particles.measure import measure_particles
from tem_rf.particles.split import number_particles
from tem_rf.particles.table import read_particles, write_particles
from tests.helpers.discs import discs

SHAPE = (230, 120)
PLACES = [(30, 30, 12), (51, 30, 12), (110, 80, 15), (180, 40, 14), (210, 90, 9)]
PROBABILITY = (0.9, 0.6, 0.95, 0.55, 0.8)


def graded() -> tuple[np.ndarray, np.ndarray]:
    """Mask of discs, two of which touch, and a probability that differs from disc to disc and within them."""
    probability = np.zeros(SHAPE)
    for place, value in zip(PLACES, PROBABILITY, strict=True):
        probability = np.maximum(probability, value * discs(SHAPE, place))
    noise = np.random.default_rng(2).uniform(-0.04, 0.04, SHAPE)
    probability = np.where(probability > 0, probability + noise, 0.0).astype(np.float32)
    return (probability > 0.5).astype(np.uint8) * 255, probability


def test_it_is_the_mean_probability_of_the_pixels() -> None:
    mask, probability = graded()
    numbers = number_particles(mask > 0, split_touching=True)
    expected = [probability[numbers == number].mean() for number in range(1, numbers.max() + 1)]
    assert particle_confidence(numbers, probability)[1:] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rows", [60, 500])
@pytest.mark.parametrize("split", [False, True])
def test_windows_do_not_change_it(rows: int, split: bool) -> None:
    mask, probability = graded()
    numbers = number_particles(mask > 0, split_touching=split)
    whole = measure_particles(numbers)
    expected = {(round(one.y_px), one.area_px): probability[numbers == one.number].mean() for one in whole}
    measured = measure_mask(mask, mask * 1.0, min_area_px=12, split_touching=split, rows=rows, probability=probability)
    found = {(round(one.y_px), one.area_px): one.confidence for one in measured.particles}
    assert found == pytest.approx(expected, rel=1e-5)
    without = measure_mask(mask, mask * 1.0, min_area_px=12)
    assert {one.confidence for one in without.particles} == {None}


@pytest.mark.parametrize("rows", [60, 500])
@pytest.mark.parametrize("split", [False, True])
def test_particles_of_low_confidence_are_in_no_result(rows: int, split: bool) -> None:
    mask, probability = graded()
    before = mask.copy()
    instances = np.zeros(SHAPE, np.uint32)
    measured = measure_mask(
        mask, mask * 1.0, min_area_px=12, split_touching=split, rows=rows,
        instances=instances, probability=probability, min_confidence=0.7,
    )  # fmt: skip
    kept = [one.confidence for one in measured.particles]
    # The first two touch: together their confidence is about 0.75.
    assert sorted(kept) == pytest.approx([0.8, 0.9, 0.95] if split else [0.75, 0.8, 0.95], abs=0.03)
    assert measured.low_confidence == (2 if split else 1)
    assert measured.left_out == 0
    assert [one.number for one in measured.particles] == [1, 2, 3]
    assert [np.count_nonzero(instances == one.number) for one in measured.particles] == [
        one.area_px for one in measured.particles
    ]
    np.testing.assert_array_equal(mask > 0, instances > 0)
    assert np.all(before[mask > 0] > 0)


def test_a_table_of_an_earlier_version_has_no_confidence(tmp_path: Path) -> None:
    mask, probability = graded()
    path = tmp_path / "particles.csv"
    particles = measure_mask(mask, mask * 1.0, min_area_px=12, probability=probability).particles
    write_particles(path, [(1, particles)])
    assert read_particles(path)[0][0].confidence == pytest.approx(particles[0].confidence, rel=1e-5)
    lines = [line.rsplit(",", 1)[0] for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    assert {one.confidence for one in read_particles(path)[0]} == {None}
