from typing import Any

import numpy as np
import pytest

from tem_rf.config.augmentation import AugmentationSettings
from tem_rf.config.simulation import simulation_settings
from tem_rf.data.augmentation import augment_patch, blur, redose
from tem_rf.data.camera_noise import CameraNoise, estimate_camera_noise
from tem_rf.data.simulation.detector import record_counts
from tem_rf.errors import DatasetError

DOSE = 400.0
SD = 30.0
PATTERN = np.outer(*(np.sin(2 * np.pi * periods * np.arange(512) / 512) for periods in (10, 8)))
IDEAL = {
    "gain_error": 0,
    "detector_halo": 0,
    "quantum_efficiency": 1,
    "dead_pixels_per_megapixel": 0,
    "hot_pixels_per_megapixel": 0,
}
WHITE = CameraNoise(level=DOSE, reach=np.inf, exponent=2.0)


def exposure(dose: Any, seed: Any = 0, size: Any = 256) -> Any:
    """Electrons behind a phase object of smooth contrast."""
    y, x = np.mgrid[:size, :size]
    return np.random.default_rng(seed).poisson(dose * (1 + 0.05 * np.sin(x / 9) * np.sin(y / 7)))


def normalized(electrons: Any) -> Any:
    return ((electrons - electrons.mean()) / electrons.std()).astype(np.float32)


def test_by_default_nothing_changes() -> None:
    image = normalized(exposure(DOSE))
    assert AugmentationSettings().is_off
    assert np.array_equal(augment_patch(image, AugmentationSettings(), seed=1, mean=DOSE, sd=SD, noise=WHITE), image)


@pytest.mark.parametrize(
    "change",
    [
        {"blur_px": 2},
        {"dose_fraction": 0.3},
        {"noise_sd": 0.5},
        {"gain": 0.2},
        {"offset": 0.3},
        {"reduction": 4},
        {"gamma": 1.5},
        {"illumination": 0.5},
    ],
)
def test_every_setting_changes_the_patch_as_the_seed_says(change: Any) -> None:
    image = normalized(exposure(DOSE))
    settings = AugmentationSettings(**change)
    assert not settings.is_off
    first, again, other = (
        augment_patch(image, settings, seed=seed, mean=DOSE, sd=SD, noise=WHITE) for seed in ((7, 1), (7, 1), (7, 2))
    )
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert not np.array_equal(first, image)
    assert not np.array_equal(first, other)


def test_a_lower_dose_has_the_noise_of_a_shorter_exposure() -> None:
    fraction = 0.25
    full, short = exposure(DOSE), exposure(DOSE * fraction, seed=1)
    noise = estimate_camera_noise([full], mean=full.mean())
    random = np.random.default_rng(0)
    lowered = redose(normalized(full), fraction, random, mean=full.mean(), sd=full.std(), noise=noise)
    expected = normalized(short)
    # Noise between neighbours, in which the smooth contrast has no part.
    assert np.diff(lowered).std() == pytest.approx(np.diff(expected).std(), rel=0.02)
    assert lowered.std() == pytest.approx(1, abs=0.01)


def recorded(dose: Any, seed: Any, **camera: Any) -> Any:
    """Counts of a smooth object at 0.02152 nm/px."""
    intensity = 1 + 0.3 * PATTERN
    settings = simulation_settings(dose_e_per_angstrom2=dose, offset_counts=0, **IDEAL | camera)
    return record_counts(intensity, settings, np.random.default_rng(seed)).astype(np.float64)


def band_power(counts: Any, low: Any, high: Any) -> Any:
    """Power relative to the squared mean, between two frequencies [cycles/px]."""
    spectrum = np.abs(np.fft.fft2(counts / counts.mean() - 1)) ** 2 / counts.size
    frequency = np.fft.fftfreq(counts.shape[0])
    radius = np.hypot(frequency[:, None], frequency)
    return spectrum[(radius >= low) & (radius < high)].mean()


@pytest.mark.parametrize(("blur_px", "gain"), [(1.0, 30.0), (0.6, 8.0), (0.0, 30.0)])
@pytest.mark.parametrize("fraction", [0.2, 0.5])
def test_the_noise_of_a_lower_dose_has_the_spectrum_of_such_an_exposure(blur_px: Any, gain: Any, fraction: Any) -> None:
    camera = {"detector_blur_px": blur_px, "counts_per_electron": gain}
    full, short = recorded(423.0, 1, **camera), recorded(423.0 * fraction, 2, **camera)
    noise = estimate_camera_noise([full], mean=full.mean(), counts_per_electron=gain)
    mean, sd = full.mean(), full.std()
    lowered = redose((full - mean) / sd, fraction, np.random.default_rng(3), mean=mean, sd=sd, noise=noise)
    # Undo the division that keeps the standard deviation, by the smooth contrast, which noise leaves alone.
    counts = mean + lowered * sd * (full * PATTERN).sum() / (lowered * sd * PATTERN).sum()
    for low, high in ((0.05, 0.1), (0.1, 0.2), (0.2, 0.3)):
        assert band_power(counts, low, high) == pytest.approx(band_power(short, low, high), rel=0.1)
    if blur_px:  # white noise would have as much power here as at low frequencies
        assert band_power(counts, 0.4, 0.5) < 0.35 * band_power(counts, 0.05, 0.1)


def test_a_lower_efficiency_is_a_higher_gain_per_electron_that_counts() -> None:
    camera = {"quantum_efficiency": 0.6, "detector_blur_px": 0.0}
    full = recorded(423.0, 1, **camera)
    noise = estimate_camera_noise([full], mean=full.mean())
    assert noise.level / full.mean() == pytest.approx(30 / 0.6, rel=0.05)


def test_the_gain_of_a_counting_camera_is_read_off_its_noise() -> None:
    full = recorded(423.0, 1, detector_blur_px=0.0, counts_per_electron=12.0)
    noise = estimate_camera_noise([full], mean=full.mean())
    assert noise.level / full.mean() == pytest.approx(12, rel=0.05)


def test_a_gain_that_blurred_noise_hides_is_refused() -> None:
    full = recorded(423.0, 1, detector_blur_px=1.5)
    with pytest.raises(DatasetError, match="give counts_per_electron") as caught:
        estimate_camera_noise([full], mean=full.mean())
    assert "\n" not in str(caught.value)


def test_a_gain_that_cannot_make_the_noise_is_refused() -> None:
    full = recorded(423.0, 1, detector_blur_px=0.0)
    with pytest.raises(DatasetError, match="give another counts_per_electron"):
        estimate_camera_noise([full], mean=full.mean(), counts_per_electron=1.0)


def test_bragg_peaks_in_the_band_are_no_noise() -> None:
    full = recorded(423.0, 1, detector_blur_px=0.0)
    lattice = full + 0.1 * full.mean() * np.sin(np.arange(512) * 2 * np.pi * 0.4)
    noise, clean = (estimate_camera_noise([image], mean=full.mean()) for image in (lattice, full))
    assert noise.level == pytest.approx(clean.level, rel=0.05)


def test_blur_takes_fine_detail_and_keeps_mean_and_standard_deviation() -> None:
    image = normalized(exposure(DOSE))
    blurred = blur(image, 2)
    assert blurred.mean() == pytest.approx(image.mean(), abs=1e-3)
    assert blurred.std() == pytest.approx(image.std(), rel=1e-3)
    assert np.diff(blurred).std() < 0.5 * np.diff(image).std()


def test_noise_leaves_the_standard_deviation_at_one() -> None:
    image = normalized(exposure(DOSE))
    noisy = augment_patch(image, AugmentationSettings(noise_sd=2), seed=4)
    assert np.corrcoef(noisy.ravel(), image.ravel())[0, 1] < 0.95
    assert noisy.std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("change", [{"reduction": 6}, {"gamma": 3}, {"illumination": 2}])
def test_what_is_done_to_the_file_leaves_mean_and_standard_deviation(change: Any) -> None:
    image = normalized(exposure(DOSE))
    changed = augment_patch(image, AugmentationSettings(**change), seed=4)
    assert changed.mean() == pytest.approx(image.mean(), abs=1e-3)
    assert changed.std() == pytest.approx(image.std(), rel=1e-3)


def test_settings_that_are_off_do_not_shift_the_random_numbers_of_the_others() -> None:
    image = normalized(exposure(DOSE))
    noise, both = (
        augment_patch(image, AugmentationSettings(noise_sd=1, reduction=reduction), seed=4) for reduction in (1, 1.001)
    )
    np.testing.assert_allclose(both, noise, atol=1e-4)
