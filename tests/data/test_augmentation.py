from typing import Any

import numpy as np
import pytest

from tem_rf.config.augmentation import AugmentationSettings
from tem_rf.data.augmentation import augment_patch, blur, redose

DOSE = 400.0
SD = 30.0


def exposure(dose: Any, seed: int = 0, size: Any = 256) -> np.ndarray:
    """Electrons behind a phase object of smooth contrast."""
    y, x = np.mgrid[:size, :size]
    return np.random.default_rng(seed).poisson(dose * (1 + 0.05 * np.sin(x / 9) * np.sin(y / 7)))


def normalized(electrons: np.ndarray) -> np.ndarray:
    return ((electrons - electrons.mean()) / electrons.std()).astype(np.float32)


def test_by_default_nothing_changes() -> None:
    image = normalized(exposure(DOSE))
    assert AugmentationSettings().is_off
    assert np.array_equal(augment_patch(image, AugmentationSettings(), seed=1, mean=DOSE, sd=SD), image)


@pytest.mark.parametrize(
    "change", [{"blur_px": 2}, {"dose_fraction": 0.3}, {"noise_sd": 0.5}, {"gain": 0.2}, {"offset": 0.3}]
)
def test_every_setting_changes_the_patch_as_the_seed_says(change: dict[str, Any]) -> None:
    image = normalized(exposure(DOSE))
    settings = AugmentationSettings(**change)
    assert not settings.is_off
    first, again, other = (
        augment_patch(image, settings, seed=seed, mean=DOSE, sd=SD) for seed in ((7, 1), (7, 1), (7, 2))
    )
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert not np.array_equal(first, image)
    assert not np.array_equal(first, other)


def test_a_lower_dose_has_the_noise_of_a_shorter_exposure() -> None:
    fraction = 0.25
    full, short = exposure(DOSE), exposure(DOSE * fraction, seed=1)
    lowered = redose(normalized(full), fraction, np.random.default_rng(0), mean=full.mean(), sd=full.std())
    expected = normalized(short)
    # Noise between neighbours, in which the smooth contrast has no part.
    assert np.diff(lowered).std() == pytest.approx(np.diff(expected).std(), rel=0.02)
    assert lowered.std() == pytest.approx(1, abs=0.01)


def test_the_gain_of_the_detector_counts() -> None:
    image = normalized(exposure(DOSE))
    electrons = AugmentationSettings(dose_fraction=0.1)
    counts = AugmentationSettings(dose_fraction=0.1, counts_per_electron=8)
    assert np.array_equal(
        augment_patch(image, electrons, seed=3, mean=DOSE, sd=SD),
        augment_patch(image, counts, seed=3, mean=8 * DOSE, sd=8 * SD),
    )


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
