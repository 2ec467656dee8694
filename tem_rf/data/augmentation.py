"""Change training patches at random, as another focus, dose or detector would have."""

from collections.abc import Sequence

import numpy as np

from tem_rf.config.augmentation import AugmentationSettings


def augment_patch(
    image: np.ndarray, settings: AugmentationSettings, *, seed: int | Sequence[int], mean: float = 0, sd: float = 1
) -> np.ndarray:
    """Blur, re-dose, add noise and change the contrast of a patch; its label stays true.

    Mean and standard deviation stay about what they were, as if the micrograph had been normalized afterwards: what
    blur takes from the standard deviation, or noise adds to it, is divided out again.

    Args:
        image: (height, width) float32, normalized: (counts - mean) / sd.
        settings: How far to go.
        seed: Decides what is drawn: the seed of the run, the epoch and the patch, say.
        mean: Mean counts of the micrograph; the noise of a lower dose depends on it.
        sd: Standard deviation of its counts.

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
        per_electron = settings.counts_per_electron
        image = redose(image, fraction, random, mean=mean / per_electron, sd=sd / per_electron)
    if noise_sd > 0:
        noisy = image + random.normal(0, noise_sd, image.shape)
        image = noisy / np.sqrt(1 + noise_sd**2)
    return (image * gain + level).astype(np.float32)


def blur(image: np.ndarray, width_px: float) -> np.ndarray:
    """Blur by a Gaussian, keeping mean and standard deviation.

    Args:
        image: (height, width).
        width_px: Standard deviation of the Gaussian [px].
    """
    from scipy import ndimage

    blurred = ndimage.gaussian_filter(image, width_px, mode="reflect")
    mean = image.mean()
    return mean + (blurred - mean) * (image.std() / max(float(blurred.std()), 1e-6))


def redose(image: np.ndarray, fraction: float, random: np.random.Generator, *, mean: float, sd: float) -> np.ndarray:
    """Add the noise that an exposure with a part of the dose would have had, in place of what is there.

    An exposure of c electrons has variance c; at a fraction f of the dose, scaled up again, c / f. The difference is
    added as Poisson noise of mean c f (1 - f), divided by f.

    Args:
        image: (height, width), normalized: (electrons - mean) / sd.
        fraction: Part of the dose that is left.
        random: Draws the noise.
        mean: Mean of the micrograph [electrons].
        sd: Standard deviation of the micrograph [electrons].
    """
    electrons = np.maximum(image * sd + mean, 0)
    missing = electrons * fraction * (1 - fraction)
    added = (random.poisson(missing) - missing) / fraction
    variance = max(mean, 0.0) * (1 - fraction) / fraction / sd**2
    return (image + added / sd) / np.sqrt(1 + variance)
