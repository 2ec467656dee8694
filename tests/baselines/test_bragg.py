import numpy as np
import pytest
from scipy.ndimage import zoom

from tem_rf.baselines.bragg import find_band
from tem_rf.errors import NoBraggPeaksError, SettingsError
from tests.helpers.fringes import image_with_fringes
from tests.helpers.repository import shared_file


@pytest.mark.parametrize("period_px", [5.0, 11.0, 23.0])
def test_band_lies_around_the_fringes(period_px: float) -> None:
    image, _ = image_with_fringes(period_px=period_px)

    assert find_band(image).middle_px == pytest.approx(512 / period_px, rel=0.03)


def test_radii_count_cycles_per_shorter_side_whatever_the_shape() -> None:
    image, _ = image_with_fringes(shape=(512, 1100))

    assert find_band(image).middle_px == pytest.approx(512 / 11, rel=0.03)
    assert find_band(image[:400]).middle_px == pytest.approx(400 / 11, rel=0.03)


def test_patches_share_the_band_of_the_one_that_has_fringes() -> None:
    patches = np.stack([image_with_fringes((256, 256), amplitude=2.0 * (k == 2), seed=k)[0] for k in range(4)])

    assert find_band(patches).middle_px == pytest.approx(256 / 11, rel=0.03)


@pytest.mark.parametrize("shape", [(512, 512), (200, 340)])
def test_speckle_alone_has_no_bragg_peaks(shape: tuple[int, int]) -> None:
    for seed in range(8):
        image, _ = image_with_fringes(shape, amplitude=0, seed=seed)
        with pytest.raises(NoBraggPeaksError, match="no Bragg peaks found"):
            find_band(image)


def test_dark_particles_without_fringes_have_no_bragg_peaks() -> None:
    image, mask = image_with_fringes(amplitude=0)

    with pytest.raises(NoBraggPeaksError):
        find_band(image - 3.0 * mask)


def test_background_that_is_not_round_has_no_bragg_peaks() -> None:
    # A squeezed image has an elliptical spectrum, as astigmatism and drift make it.
    for seed in range(6):
        image, _ = image_with_fringes((512, 768), amplitude=0, seed=seed)
        with pytest.raises(NoBraggPeaksError):
            find_band(zoom(image, (1, 2 / 3), order=1))


@pytest.mark.parametrize("second_amplitude", [1.5, 3])  # more over the film than the first order; more altogether
def test_first_order_is_chosen_where_the_second_stands_out_more(second_amplitude: float) -> None:
    first, mask = image_with_fringes(period_px=11)
    y, x = np.indices((512, 512))
    second = np.sin(2 * np.pi * (0.6 * x - 0.8 * y) / 5.5)

    assert find_band(first + second_amplitude * second * mask).middle_px == pytest.approx(512 / 11, rel=0.03)


@pytest.mark.parametrize("pattern", ["uneven rows", "beam stop"])
def test_rows_and_bars_are_not_taken_for_fringes(pattern: str) -> None:
    image, _ = image_with_fringes(amplitude=0)
    if pattern == "uneven rows":
        image = image + 0.3 * np.random.default_rng(1).normal(size=(512, 1))
    else:
        image[:, 300:340] -= 20

    with pytest.raises(NoBraggPeaksError):
        find_band(image)


@pytest.mark.parametrize("image", [np.zeros((512, 512)), np.full((40, 30), 7, dtype=np.uint8)])
def test_constant_image_has_no_bragg_peaks(image: np.ndarray) -> None:
    with pytest.raises(NoBraggPeaksError):
        find_band(image)


def test_spacing_and_pixel_size_give_the_band_without_looking() -> None:
    band = find_band(np.zeros((100, 200)), pixel_size_nm=0.02, lattice_spacing_nm=0.2)  # 10 cycles in 100 px

    assert (band.inner_radius_px, band.outer_radius_px) == (8.17, 11.83)  # 10 * 38 / 46.5, 10 * 55 / 46.5


def test_spacing_without_pixel_size_is_refused() -> None:
    with pytest.raises(SettingsError, match="pixel size"):
        find_band(np.zeros((64, 64)), lattice_spacing_nm=0.2355)


def test_fringes_finer_than_two_pixels_are_refused() -> None:
    with pytest.raises(NoBraggPeaksError, match="two pixels"):
        find_band(np.zeros((64, 64)), pixel_size_nm=0.1243, lattice_spacing_nm=0.2355)


@pytest.mark.reference
def test_band_of_the_study_is_found_from_its_patch() -> None:
    with np.load(shared_file("reference", "fourier_filter.npz")) as reference:
        band = find_band(reference["image"])
        study = float(reference["inner_radius_px"]), float(reference["outer_radius_px"])

    assert (band.inner_radius_px, band.outer_radius_px) == pytest.approx(study, abs=0.5)
