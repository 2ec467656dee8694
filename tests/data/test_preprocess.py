from typing import Any

import numpy as np
import pytest

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.preprocess import normalize_micrograph, preprocess
from tem_rf.data.xray import remove_xray_outliers
from tem_rf.errors import DatasetError, SettingsError
from tests.helpers.labelled_folder import counts_with_disc
from tests.helpers.repository import shared_file

SETTINGS = preparation_settings()


def noise(shape: tuple[int, ...] = (64, 64), mean: Any = 600) -> np.ndarray:
    return np.random.default_rng(0).poisson(mean, shape).astype(np.float32)


def test_an_outlier_becomes_the_mean_of_its_neighbours_and_nothing_else_changes() -> None:
    image = np.full((32, 32), 100, np.float32)
    image[9:12, 19:22] += np.arange(9).reshape(3, 3)
    expected = image.copy()
    expected[10, 20] = (100 * 8 + sum(range(9)) - 4) / 8
    image[10, 20] = 5000
    assert remove_xray_outliers(image, 1500) == 1
    assert np.array_equal(image, expected)


def test_an_outlier_on_the_border_becomes_the_mean_of_the_image() -> None:
    image = np.full((32, 32), 100, np.float32)
    image[0, 5] = 5220
    remove_xray_outliers(image, 1500)
    assert image[0, 5] == pytest.approx(100 + 5120 / 1024)


def test_of_touching_spikes_the_brightest_goes_first() -> None:
    image = np.full((32, 32), 100, np.float32)
    image[10, 10], image[10, 11] = 5000, 3300
    remove_xray_outliers(image, 1500)
    assert image[10, 10] == 500  # (7 * 100 + 3300) / 8
    assert image[10, 11] == 150  # (7 * 100 + 500) / 8


def test_four_spikes_in_a_square_need_the_second_pass() -> None:
    image = np.full((64, 64), 100, np.float32)
    image[10:12, 10:12] = 40_000
    assert remove_xray_outliers(image, 1500) == 4
    # The first pass leaves 15062, 11945, 8438 and 4493.
    assert image[10:12, 10:12].ravel() == pytest.approx([3172.13, 2075.49, 1280.11, 878.47], abs=0.01)


def test_counts_below_zero_become_zero() -> None:
    image = noise()
    image[3, 4] = -7
    remove_xray_outliers(image, 1500)
    assert image[3, 4] == 0


def test_a_threshold_that_cuts_into_the_image_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"`xray_threshold` 10 counts: marks \d+\.\d% of the pixels"):
        remove_xray_outliers(noise(), 10)


def test_outliers_are_left_alone_where_there_are_no_counts() -> None:
    bytes_ = np.clip(noise(mean=100), 0, 255).astype(np.uint8)
    centred = noise() - 600
    for image in (bytes_, centred):
        prepared = preprocess(image, SETTINGS)
        assert prepared.xray_threshold is None
        assert prepared.offset == pytest.approx(image.mean(), abs=1e-3)
    assert preprocess(noise(), SETTINGS).xray_threshold == 1500


def test_the_image_given_is_left_as_it_was() -> None:
    image = noise()
    before = image.copy()
    normalize_micrograph(image, SETTINGS)
    assert np.array_equal(image, before)


def test_standardized_to_mean_0_and_standard_deviation_1() -> None:
    for image in (noise((300, 200)), noise((300, 200)).astype(np.uint16), noise((300, 200)).astype(np.int32)):
        result = normalize_micrograph(image, SETTINGS)
        assert result.dtype == np.float32
        assert abs(result.mean(dtype=np.float64)) < 1e-6
        assert abs(result.std(dtype=np.float64) - 1) < 1e-6


def test_min_max_spans_0_to_1() -> None:
    result = normalize_micrograph(noise(), preparation_settings(normalization="min-max"))
    assert result.min() == 0
    assert result.max() == 1


def test_percentile_puts_1_and_99_percent_at_0_and_1() -> None:
    result = normalize_micrograph(noise(), preparation_settings(normalization="percentile"))
    assert np.percentile(result, [1, 99]) == pytest.approx([0, 1], abs=1e-5)


def film_and_particle(coverage: float, normalization: Any) -> tuple[float, float]:
    """Normalized levels of film and particles that cover a part of the rows, with noise as strong as the contrast."""
    image = noise((256, 256), mean=900)
    particle = np.arange(256) < 256 * coverage
    image[particle] -= 4 * image.std()
    result = normalize_micrograph(image, preparation_settings(normalization=normalization))
    return float(result[~particle].mean()), float(result[particle].mean())


@pytest.mark.parametrize(("normalization", "moves_at_most"), [("robust", 0.15), ("standard", 4.0)])
def test_only_robust_levels_do_not_move_with_the_coverage(normalization: str, moves_at_most: float) -> None:
    levels = np.array([film_and_particle(coverage, normalization) for coverage in (0.05, 0.3, 0.85)])
    moved = np.ptp(levels, axis=0).max() / np.abs(levels[:, 0] - levels[:, 1]).mean()
    assert moved < moves_at_most
    if normalization == "robust":
        np.testing.assert_allclose(levels, [[1, -1]] * 3, atol=0.2)
    else:
        assert moved > 0.5, "the mean and the sd move, so that the test can fail"


def test_flat_field_removes_a_gradient_of_illumination_and_keeps_the_mean() -> None:
    light = np.linspace(0.7, 1.3, 256, dtype=np.float32)[:, None]
    lit = noise((256, 250), mean=1000) * light
    flat = preprocess(lit, preparation_settings(flat_field_px=40))
    inner = slice(64, 128), slice(128, 192)
    assert abs(flat.image[inner[0]].mean() - flat.image[inner[1]].mean()) < 0.1
    assert flat.offset == pytest.approx(lit.mean(), rel=0.02)
    uncorrected = normalize_micrograph(lit, SETTINGS)
    assert abs(uncorrected[inner[0]].mean() - uncorrected[inner[1]].mean()) > 0.8


def test_flat_field_of_a_normalized_image_is_refused() -> None:
    with pytest.raises(DatasetError, match="flat field: expected counts above zero"):
        preprocess(noise() - 600, preparation_settings(flat_field_px=8))


def test_rescaling_changes_the_size_to_that_of_the_target() -> None:
    settings = preparation_settings(target_pixel_size_nm=0.04)
    prepared = preprocess(counts_with_disc((64, 96))[0], settings, pixel_size_nm=0.02)
    assert prepared.image.shape == (32, 48)
    assert prepared.pixel_size_nm == 0.04


def test_rescaling_without_a_pixel_size_is_refused() -> None:
    with pytest.raises(SettingsError, match="`target_pixel_size_nm`: expected a micrograph with a pixel size"):
        preprocess(noise(), preparation_settings(target_pixel_size_nm=0.04))


@pytest.mark.parametrize("normalization", ["standard", "robust", "percentile", "min-max"])
def test_a_constant_image_is_refused(normalization: str) -> None:
    with pytest.raises(DatasetError, match=r"the image is constant \(every pixel about 37\)"):
        preprocess(np.full((32, 32), 37, np.uint16), preparation_settings(normalization=normalization))


def _window(place: np.ndarray) -> tuple[slice, slice]:
    """The pixel and its eight neighbours."""
    row, column = place
    return slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)


@pytest.mark.reference
def test_outliers_and_normalization_are_those_of_the_study() -> None:
    with np.load(shared_file("reference", "preprocessing.npz")) as study:
        raw, places, values = study["raw"], study["changed_pixels_yx"], study["changed_values"]
        mean, sd = study["standardized_mean_std"][0]
        threshold, first_patch = float(study["xray_threshold"]), study["first_patch"]
    image = raw.astype(np.float32)
    remove_xray_outliers(image, threshold)
    assert {tuple(place) for place in np.argwhere(image != raw)} == {tuple(place) for place in places}

    # The study's spikes were no whole counts and `raw` holds them rounded. Of two spikes that touch, the brighter one's
    # new value says what was rounded off the other; with that put back, every value is met.
    exact = raw.astype(np.float32)
    for place, value in zip(places, values, strict=True):
        around = exact[_window(place)]
        spikes = np.argwhere(around > np.median(raw) + threshold) + np.maximum(place - 1, 0)
        others = [tuple(spike) for spike in spikes if tuple(spike) != tuple(place)]
        if len(others) == 1 and raw[others[0]] < raw[tuple(place)]:
            rounded_off = 8 * value - (around.sum(dtype=np.float64) - exact[tuple(place)])
            assert abs(rounded_off) < 0.5
            exact[others[0]] += rounded_off
    remove_xray_outliers(exact, threshold)
    assert np.abs(exact[tuple(places.T)] - values).max() < 1e-4

    prepared = preprocess(raw, preparation_settings(xray_threshold=threshold))
    assert prepared.offset == pytest.approx(mean, abs=1e-5)
    assert prepared.scale == pytest.approx(sd, abs=1e-5)
    second = slice(0, 512), slice(512, 1024)  # the first patch with particles
    unchanged = image[second] == raw[second]
    assert np.abs(prepared.image[second] - first_patch)[unchanged].max() < 1e-4
