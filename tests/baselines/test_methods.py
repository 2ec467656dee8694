import numpy as np

from tem_rf.baselines.methods import segment_without_network
from tem_rf.metrics.dice import hard_dice
from tests.helpers.fringes import image_with_fringes


def test_fringes_are_found_by_fourier_filtering_and_not_by_brightness() -> None:
    image, mask = image_with_fringes()
    fourier, brightness = segment_without_network(image[None])

    assert fourier.masks is not None
    assert hard_dice(fourier.masks, mask[None])[0] > 0.93
    assert brightness.masks is not None
    assert hard_dice(brightness.masks, mask[None])[0] < 0.5
    assert "FFT px" in fourier.note


def test_dark_particles_are_found_by_brightness_and_not_by_fourier_filtering() -> None:
    image, mask = image_with_fringes(amplitude=0)
    fourier, brightness = segment_without_network((100 * (image - 3 * mask) + 4000)[None])

    assert fourier.masks is None
    assert fourier.note.startswith("no Bragg peaks found")
    assert brightness.masks is not None
    assert hard_dice(brightness.masks, mask[None])[0] > 0.9


def test_spacing_finer_than_two_pixels_is_a_reason_not_a_failure() -> None:
    fourier, _ = segment_without_network(np.zeros((1, 64, 64)), pixel_size_nm=0.1243, lattice_spacing_nm=0.2355)

    assert fourier.masks is None
    assert "two pixels" in fourier.note
