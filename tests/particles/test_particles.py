"""Particles are counted, taken apart and measured as one would by hand."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter, label
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage.measure import perimeter_crofton

from tem_rf.data.distance_target import normalized_distance
from tem_rf.particles import split
from tem_rf.particles.measure import Particle, measure_particles
from tem_rf.particles.scores import score_particles
from tem_rf.particles.sizes import summarize_sizes
from tem_rf.particles.split import number_particles
from tem_rf.particles.table import write_particles
from tem_rf.plots.particle_sizes import write_size_histogram
from tests.helpers.discs import discs


def measure(mask: np.ndarray, counts: np.ndarray | None = None, **options: Any) -> tuple[Particle, ...]:
    return measure_particles(number_particles(mask, **options), counts)


@pytest.mark.parametrize("radius", [5.5, 12.0, 40.3])
def test_a_disc_is_measured(radius: float) -> None:
    (disc,) = measure(discs((120, 130), (60, 55, radius)))
    assert (disc.y_px, disc.x_px) == (60, 55)
    assert disc.diameter_px == pytest.approx(2 * radius, rel=0.03)
    assert disc.feret_max_px == pytest.approx(2 * radius, abs=1)
    assert disc.feret_min_px == pytest.approx(2 * radius, abs=1)
    assert disc.aspect_ratio == pytest.approx(1, abs=0.01)
    assert 0.95 < disc.circularity <= 1
    assert not disc.touches_border


def test_a_rod_is_measured() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:20, 5:65] = True
    (rod,) = measure(mask)
    assert (rod.area_px, rod.feret_min_px) == (600, 10)
    assert rod.feret_max_px == pytest.approx(np.hypot(60, 9), abs=0.2)
    assert rod.aspect_ratio == pytest.approx(6, rel=0.001)
    assert rod.circularity == pytest.approx(4 * np.pi * 600 / 140**2, rel=0.15)  # four directions round the corners


@settings(max_examples=30, deadline=None)
@given(
    angle=st.floats(0, 180),
    long=st.floats(15, 28),
    short=st.floats(5, 14),
)
def test_feret_diameters_of_an_ellipse_do_not_depend_on_how_it_lies(angle: float, long: float, short: float) -> None:
    rows, columns = np.indices((64, 64)) - 31.7
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along, across = rows * cosine + columns * sine, columns * cosine - rows * sine
    (one,) = measure((along / long) ** 2 + (across / short) ** 2 <= 1)
    assert one.feret_max_px == pytest.approx(2 * long, abs=1.5)
    assert one.feret_min_px == pytest.approx(2 * short, abs=1.5)


def test_contrast_is_that_to_the_background_around_in_standard_deviations() -> None:
    mask = discs((90, 90), (30, 30, 12), (60, 60, 12))
    counts = np.full(mask.shape, 100.0)
    counts[:45] += 40  # uneven illumination, which a global background would mistake for contrast
    counts[mask] -= 25
    near, far = measure(mask, counts)
    assert near.contrast == pytest.approx(-25 / counts.std(), rel=0.15)
    assert far.contrast == pytest.approx(-25 / counts.std(), rel=0.15)
    assert measure(mask)[0].contrast is None


@pytest.mark.parametrize("centre", [(0, 40), (79, 40), (40, 0), (40, 79), (40, 11.5)])
def test_particles_that_the_edge_cuts_are_marked(centre: Any) -> None:
    (one,) = measure(discs((80, 80), (*centre, 12)))
    assert one.touches_border


def test_specks_are_no_particles() -> None:
    mask = discs((60, 60), (20, 20, 8))
    mask[50, 50:53] = True
    assert len(measure(mask)) == 1
    assert len(measure(mask, min_area_px=1)) == 2
    assert measure(np.zeros((30, 30), bool)) == ()


@pytest.mark.parametrize(
    ("circles", "apart"),
    [
        ([(40, 30, 20), (40, 62, 20)], 2),
        ([(40, 30, 20), (40, 46, 20)], 1),  # no neck to speak of
        ([(25, 25, 14), (25, 52, 14), (48.5, 38.5, 14)], 3),
        ([(40, 30, 20), (40, 58, 12)], 2),
        ([(40, 30, 20), (40, 51, 3)], 1),  # a bump
    ],
)
def test_touching_discs_are_taken_apart_at_their_neck(circles: list[tuple[int, ...]] | list[Any], apart: int) -> None:
    mask = discs((80, 90), *circles)
    assert number_particles(mask).max() == 1
    numbers = number_particles(mask, split_touching=True)
    assert numbers.max() == apart
    np.testing.assert_array_equal(numbers > 0, mask)
    if apart == len(circles):
        for row, column, radius in circles:
            part = numbers == numbers[int(row), int(column)]
            assert part.sum() == pytest.approx(np.pi * radius**2, rel=0.15)


def _drawn(*circles: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of discs, later ones under earlier ones, and the distance to their edges: (80, 130)."""
    numbers = np.zeros((80, 130), np.int32)
    for number, circle in enumerate(circles, start=1):
        numbers[discs(numbers.shape, circle) & (numbers == 0)] = number
    return numbers, normalized_distance(numbers)


def test_the_distance_of_a_network_takes_apart_what_has_no_neck() -> None:
    numbers, distance = _drawn((40, 30, 20), (40, 48, 20), (40, 90, 14))  # the first two overlap by half
    mask = numbers > 0
    found = number_particles(mask, split_touching=True, distance=distance)
    np.testing.assert_array_equal(found > 0, mask)
    for number in (1, 2, 3):
        part = found == np.bincount(found[numbers == number]).argmax()
        assert (part & (numbers == number)).sum() / (part | (numbers == number)).sum() > 0.85
    assert number_particles(mask, split_touching=True).max() == found.max() - 1 == 2


def test_noise_in_the_distance_splits_no_particle() -> None:
    numbers, distance = _drawn((40, 40, 25))
    noisy = distance + np.random.default_rng(0).normal(scale=0.1, size=distance.shape)
    assert number_particles(numbers > 0, split_touching=True, distance=noisy).max() == 1


def test_a_distance_that_tells_nothing_leaves_the_necks() -> None:
    mask = discs((80, 130), (40, 40, 20), (40, 75, 20))
    necks = number_particles(mask, split_touching=True)
    assert necks.max() == 2
    flat = np.zeros(mask.shape, np.float32)
    np.testing.assert_array_equal(number_particles(mask, split_touching=True, distance=flat), necks)


def test_a_part_that_was_taken_apart_is_a_speck_as_any_other() -> None:
    mask = discs((80, 90), (40, 30, 20), (40, 58, 12))
    numbers = number_particles(mask, split_touching=True, min_area_px=600)
    assert numbers.max() == 1
    assert (numbers == 1).sum() == pytest.approx(np.pi * 20**2, rel=0.15)


def test_holes_and_a_ragged_outline_split_no_particle() -> None:
    rng = np.random.default_rng(3)
    rows, columns = np.indices((120, 120)) - 60
    angle = np.arctan2(rows, columns)
    mask = np.hypot(rows, columns) <= 40 + 2 * np.sin(9 * angle) + rng.normal(size=angle.shape)
    mask &= rng.random(mask.shape) > 0.1
    assert number_particles(mask, split_touching=True, min_area_px=100).max() == 1


def test_the_rest_around_a_large_cube_is_no_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "_HOLE_PART", 0.1)  # so that a cube of 100 px is large
    mask = np.zeros((110, 230), bool)
    mask[5:105, 5:105] = mask[5:105, 113:213] = mask[50:60, 105:113] = True
    assert np.bincount(number_particles(mask, split_touching=True).ravel())[1:].tolist() == [10040, 10040]


def test_sizes_are_summarized_without_cut_particles() -> None:
    particles = measure(discs((200, 200), (30, 30, 10), (30, 90, 20), (100, 100, 30), (199, 199, 25)))
    summary = summarize_sizes(particles)
    diameters = np.array([one.diameter_px for one in particles[:3]])
    assert (summary.count, summary.whole) == (4, 3)
    assert summary.mean_px == pytest.approx(diameters.mean())
    assert summary.sd_px == pytest.approx(diameters.std(ddof=1))
    assert summary.polydispersity == pytest.approx(summary.sd_px / summary.mean_px)
    assert summary.median_px == pytest.approx(np.prod(diameters) ** (1 / 3))
    assert summary.to_json(0.1)["mean_nm"] == pytest.approx(summary.mean_px / 10)
    assert summarize_sizes([]).to_json(None)["mean_nm"] is None


def test_the_table_gives_lengths_in_px_and_nm(tmp_path: Path) -> None:
    particles = measure(discs((100, 100), (30, 30, 10), (70, 70, 15)))
    write_particles(tmp_path / "p.csv", [(1, particles), (2, ()), (3, particles[:1])], pixel_size_nm=0.5)
    with (tmp_path / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == ["1", "1", "3"]
    for row, one in zip(rows, [*particles, particles[0]], strict=True):
        assert float(row["diameter_nm"]) == pytest.approx(one.diameter_px / 2, rel=1e-5)
        assert float(row["area_nm2"]) == pytest.approx(one.area_px / 4, rel=1e-5)
        assert row["contrast"] == ""
        assert row["touches_border"] == "False"
    write_particles(tmp_path / "none.csv", [(1, ())])
    assert "diameter_nm" not in (tmp_path / "none.csv").read_text()


@pytest.mark.parametrize("count", [0, 1, 2, 12])
def test_a_histogram_is_drawn_of_any_number_of_particles(count: int, tmp_path: Path) -> None:
    circles = [(25 + 50 * (i // 4), 25 + 50 * (i % 4), 8 + i % 5 * 2) for i in range(count)]
    write_size_histogram(tmp_path / "h.png", measure(discs((210, 210), *circles)), title="hand-made", pixel_size_nm=0.2)
    with Image.open(tmp_path / "h.png") as picture:
        assert picture.size == (840, 540)


def test_labelled_particles_are_found_merged_or_missed() -> None:
    label = discs((200, 200), (30, 30, 15), (30, 100, 12), (30, 126, 12), (100, 40, 10), (150, 150, 15))
    numbered_label = number_particles(label, split_touching=True)
    mask = discs((200, 200), (30, 30, 16), (30, 100, 12), (30, 126, 12), (150, 150, 14), (150, 40, 10))
    mask[24:36, 100:126] = True  # a bridge
    scores = score_particles(number_particles(mask), numbered_label)
    assert (scores.labelled, scores.found, scores.merged, scores.false_negatives, scores.false_positives) == (
        5,
        2,
        2,
        1,
        1,
    )
    assert scores.diameter_bias_px == pytest.approx(0, abs=0.15)
    same = score_particles(numbered_label, numbered_label)
    assert (same.found, same.merged, same.false_negatives, same.false_positives, same.diameter_bias_px) == (
        5,
        0,
        0,
        0,
        0,
    )
    nothing = score_particles(np.zeros((200, 200), int), numbered_label)
    assert (nothing.found, nothing.false_negatives, nothing.diameter_bias) == (0, 5, None)


def test_diameter_bias_is_that_of_the_found_particles() -> None:
    label, mask = discs((100, 100), (50, 50, 20)), discs((100, 100), (50, 50, 22))
    scores = score_particles(number_particles(mask), number_particles(label))
    assert scores.diameter_bias_px == pytest.approx(4, abs=0.3)
    assert scores.diameter_bias == pytest.approx(0.1, abs=0.01)


def test_a_large_particle_that_swallowed_a_small_one_is_merged_and_not_found() -> None:
    label = number_particles(discs((100, 100), (50, 40, 20), (50, 68, 6)))
    swallowed = discs((100, 100), (50, 40, 20), (50, 68, 6))
    swallowed[48:52, 40:68] = True
    scores = score_particles(number_particles(swallowed), label)
    assert (scores.labelled, scores.found, scores.merged, scores.false_negatives) == (2, 0, 2, 0)
    assert scores.diameter_bias_px is None


def test_a_particle_taken_for_two_halves_is_missed_and_not_found_twice() -> None:
    label = np.ones((10, 20), int)
    halves = np.repeat([1, 2], 10) * label
    scores = score_particles(halves, label)
    assert (scores.labelled, scores.found, scores.merged, scores.false_negatives, scores.false_positives) == (
        1,
        0,
        0,
        1,
        0,
    )


@pytest.mark.parametrize("roughness_px", [0.7, 1.5, 4.0])
def test_diameters_and_perimeter_equal_those_of_qhull_and_scikit_image(roughness_px: float) -> None:
    field = gaussian_filter(np.random.default_rng(7).normal(size=(150, 170)), roughness_px)
    numbers, count = label(field > 0.5 * field.std(), structure=np.ones((3, 3)))
    assert count > 20
    for particle in measure_particles(numbers):
        image = numbers == particle.number
        corners = np.concatenate([np.argwhere(image) + step for step in ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5))])
        hull = corners[ConvexHull(corners).vertices]
        assert particle.feret_max_px == pdist(hull).max()
        normals = np.roll(hull, 1, axis=0) - hull
        normals = normals[:, ::-1] * (1, -1) / np.hypot(*normals.T)[:, np.newaxis]
        assert particle.feret_min_px == pytest.approx(np.ptp(hull @ normals.T, axis=0).min())
        circularity = 4 * np.pi * particle.area_px / perimeter_crofton(image) ** 2
        assert particle.circularity == pytest.approx(min(circularity, 1), rel=1e-14)
