"""Change training patches at random, to imitate another focus, dose, detector or print."""

from collections.abc import Sequence

import numpy as np

from tem_rf.config.augmentation import AugmentationSettings
from tem_rf.data.camera_noise import CameraNoise
from tem_rf.data.grey_levels import apply_gamma, tilt_illumination
from tem_rf.data.reduction import RESAMPLING, reduce_and_enlarge


def augment_patch(
    image: np.ndarray,
    settings: AugmentationSettings,
    *,
    seed: int | Sequence[int],
    sd: float = 1,
    mean: float = 0,
    noise: CameraNoise | None = None,
) -> np.ndarray:
    """Blur, re-dose, add noise, reduce and change the contrast of a patch; its label stays valid.

    The order is that of a recording: optics, electrons, camera, then what is done to the file. Mean and standard
    deviation stay approximately the same, as if the micrograph had been normalized afterwards: the change of the
    standard deviation by all but `gain` is divided out.

    Args:
        image: (height, width) float32, normalized: (counts - mean) / sd.
        settings: Strength of the augmentation.
        seed: Determines the random changes, for example the seed of the run, the epoch and the patch.
        sd: Standard deviation of the micrograph's counts.
        mean: Mean of its counts, which affects the noise of a lower dose.
        noise: Its shot noise; needed for a lower dose.

    Returns:
        (height, width) float32.
    """
    random = np.random.default_rng(seed)
    width = random.uniform(0, settings.blur_px)
    fraction = random.uniform(settings.dose_fraction, 1)
    noise_sd = random.uniform(0, settings.noise_sd)
    gain = 1 + random.uniform(-settings.gain, settings.gain)
    level = random.uniform(-settings.offset, settings.offset)

    if width > 0:
        image = blur(image, width)
    if fraction < 1:
        if noise is None:
            raise ValueError("a lower dose needs the noise of the camera")
        image = redose(image, fraction, random, mean=mean, sd=sd, noise=noise)
    if noise_sd > 0:
        noisy = image + random.normal(0, noise_sd, image.shape)
        image = noisy / np.sqrt(1 + noise_sd**2)
    image = _process_file(image, settings, random)
    return (image * gain + level).astype(np.float32)


def _process_file(image: np.ndarray, settings: AugmentationSettings, random: np.random.Generator) -> np.ndarray:
    if settings.reduction > 1:
        factor = log_uniform(random, 1, settings.reduction)
        down, up = random.choice(RESAMPLING, 2)
        image = like(image, reduce_and_enlarge(image, factor, down=down, up=up))
    if settings.illumination > 0:
        strength = random.uniform(0, settings.illumination)
        image = like(image, tilt_illumination(image, strength, random))
    if settings.gamma > 1:
        image = like(image, apply_gamma(image, log_uniform(random, 1 / settings.gamma, settings.gamma)))
    return image


def log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    """A factor between two limits, uniform on a logarithmic scale."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def like(image: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Give a changed image the mean and standard deviation that it had before."""
    mean = changed.mean()
    return image.mean() + (changed - mean) * (image.std() / max(float(changed.std()), 1e-6))


def blur(image: np.ndarray, width_px: float) -> np.ndarray:
    """Blur with a Gaussian, keeping mean and standard deviation.

    Args:
        image: (height, width).
        width_px: Standard deviation of the Gaussian [px].
    """
    from scipy import ndimage

    return like(image, ndimage.gaussian_filter(image, width_px, mode="reflect"))


def redose(
    image: np.ndarray, fraction: float, random: np.random.Generator, *, mean: float, sd: float, noise: CameraNoise
) -> np.ndarray:
    """Replace the noise by that of an exposure with a fraction of the dose.

    An exposure of n electrons has variance n; at a fraction f of the dose, scaled up again, n / f. The difference is
    added as Poisson noise of mean n f (1 - f), divided by f, and filtered by the camera like the original noise.

    Args:
        image: (height, width), normalized: (counts - mean) / sd.
        fraction: Remaining fraction of the dose.
        random: Generates the noise.
        mean: Mean of the micrograph [counts].
        sd: Standard deviation of the micrograph [counts].
        noise: Shot noise of the micrograph.
    """
    from scipy import fft

    gain = noise.level / mean
    missing = np.maximum(image * sd + mean, 0) * (fraction * (1 - fraction) / gain)  # electrons
    white = ((random.poisson(missing) - missing) / fraction).astype(np.float32)
    transfer = noise.transfer(image.shape)
    added = fft.irfft2(fft.rfft2(white) * transfer, s=image.shape)
    weights = np.full(transfer.shape[1], 2.0)  # columns of the half spectrum that represent two
    weights[0] = 1
    if image.shape[1] % 2 == 0:
        weights[-1] = 1
    passed = float((np.square(transfer, dtype=np.float64) * weights).sum() / image.size)
    variance = noise.level * passed * (1 - fraction) / fraction / sd**2
    readout = noise.readout * (1 / fraction**2 - 1) / sd**2
    if readout > 0:  # equally strong in a shorter exposure, which is scaled up
        added += random.normal(0, np.sqrt(readout) * sd / gain, image.shape)
    return (image + added * (gain / sd)) / np.sqrt(1 + variance + readout)
