import numpy as np
import pytest

from tem_rf.baselines.bragg import find_band
from tem_rf.baselines.fourier import Band, fourier_filter
from tem_rf.errors import SettingsError
from tem_rf.metrics.dice import hard_dice
from tests.helpers.fringes import image_with_fringes
from tests.helpers.repository import shared_file


@pytest.mark.parametrize("shape", [(512, 512), (301, 420)])
def test_crystalline_disc_is_found(shape: tuple[int, int]) -> None:
    image, mask = image_with_fringes(shape)
    result = fourier_filter(image, find_band(image))

    assert hard_dice(result.mask, mask) > 0.93


def test_brightness_and_contrast_do_not_change_the_mask() -> None:
    image, _ = image_with_fringes((256, 256))

    expected = fourier_filter(image, Band(19, 27), 5).mask
    np.testing.assert_array_equal(fourier_filter(512 * image + 4096, Band(19, 27), 5).mask, expected)


def test_constant_image_gives_an_empty_mask() -> None:
    assert not fourier_filter(np.full((64, 64), 9), Band(5, 9), 2).mask.any()


def test_both_radii_belong_to_the_ring() -> None:
    x = np.indices((64, 64))[1]
    for radius in (6, 9):
        wave = np.cos(2 * np.pi * radius * x / 64)
        assert fourier_filter(wave, Band(6, 9), 1).magnitude.mean() > 0.5
    for radius in (5, 10):
        wave = np.cos(2 * np.pi * radius * x / 64)
        assert fourier_filter(wave, Band(6, 9), 1).magnitude.max() < 1e-5


def test_band_outside_the_transform_is_refused() -> None:
    with pytest.raises(SettingsError, match="maximum radius is 45 px"):
        fourier_filter(np.zeros((64, 64)), Band(46, 60))


@pytest.mark.reference
def test_mask_equals_the_study_code() -> None:
    with np.load(shared_file("reference", "fourier_filter.npz")) as reference:
        band = Band(float(reference["inner_radius_px"]), float(reference["outer_radius_px"]))
        result = fourier_filter(reference["image"], band, float(reference["gaussian_sigma_px"]))

        np.testing.assert_array_equal(result.mask, reference["mask"])
        np.testing.assert_allclose(result.magnitude, reference["filtered"], atol=1e-6)
        assert result.threshold == pytest.approx(float(reference["otsu_threshold"]), abs=1e-6)
