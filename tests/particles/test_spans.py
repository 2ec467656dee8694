"""Spans hold the same particles as the image they are found in, and measure them as an image of each would."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_cdt, gaussian_filter, label

from tem_rf.particles.measure import RING_PX, measure_particles
from tem_rf.particles.spans import connect, find_spans


def random_mask(seed: int, roughness_px: float) -> np.ndarray:
    field = gaussian_filter(np.random.default_rng(seed).normal(size=(70, 83)), roughness_px)
    return field > 0.3 * field.std()


@pytest.mark.parametrize("roughness_px", [0.3, 1.0, 3.0])
def test_connected_spans_are_numbered_as_by_scipy(roughness_px: float) -> None:
    mask = random_mask(1, roughness_px)
    spans, count = connect(find_spans(mask))
    expected, regions = label(mask, structure=np.ones((3, 3)))
    assert count == regions > 3
    numbers = np.zeros(mask.shape, int)
    numbers.flat[spans.pixels()] = np.repeat(spans.number, spans.lengths)
    np.testing.assert_array_equal(numbers, expected)


@pytest.mark.parametrize("mask", [np.zeros((4, 5), bool), np.ones((4, 5), bool), np.eye(6, dtype=bool)])
def test_empty_full_and_diagonal_masks_have_their_regions(mask: np.ndarray) -> None:
    assert connect(find_spans(mask))[1] == int(mask.any())


def test_sums_are_those_of_the_pixels() -> None:
    mask, image = random_mask(2, 2.0), np.random.default_rng(3).random((70, 83)).astype(np.float32)
    spans = find_spans(mask)
    expected = [
        image[row, start:stop].sum(dtype=float)
        for row, start, stop in zip(spans.row, spans.start, spans.stop, strict=True)
    ]
    np.testing.assert_allclose(spans.sums(image), expected, rtol=1e-12)


@pytest.mark.parametrize("roughness_px", [0.7, 1.5, 4.0])
def test_contrast_is_that_of_the_pixels_within_the_ring(roughness_px: float) -> None:
    numbers, _ = label(random_mask(4, roughness_px))  # without diagonals, so that particles touch at corners
    numbers[numbers == 2] = -1  # neither measured nor background
    counts = np.random.default_rng(5).poisson(80, numbers.shape).astype(np.uint16)
    particles = measure_particles(numbers, counts, 7.0)
    assert [one.number for one in particles] == [each for each in range(1, numbers.max() + 1) if each != 2]
    for one in particles:
        inside = numbers == one.number
        around = (distance_transform_cdt(~inside, "taxicab") <= RING_PX) & (numbers == 0)
        expected = (counts[inside].mean() - counts[around].mean()) / 7 if around.any() else None
        assert one.contrast == pytest.approx(expected, rel=1e-9)


def test_a_particle_is_measured_the_same_alone_and_among_others() -> None:
    numbers, count = label(random_mask(6, 2.0), structure=np.ones((3, 3)))
    for one in measure_particles(numbers):
        assert measure_particles(np.where(numbers == one.number, one.number, 0)) == (one,)
    assert count > 5
