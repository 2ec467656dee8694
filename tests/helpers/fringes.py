"""Images with lattice fringes for the tests."""

import numpy as np

from tem_rf.baselines.fourier import ring_radius


def image_with_fringes(
    shape: tuple[int, int] = (512, 512), period_px: float = 11.0, amplitude: float = 2.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Speckle as of an amorphous film with one crystalline disc; returns image and mask."""
    height, width = shape
    y, x = np.indices(shape)
    mask = np.hypot(y - 0.45 * height, x - 0.55 * width) < 0.16 * min(shape)
    fringes = np.sin(2 * np.pi * (0.8 * x + 0.6 * y) / period_px)
    return _speckle(shape, seed) + amplitude * fringes * mask, mask


def _speckle(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Noise whose spectrum falls off smoothly, plus white noise; standard deviation about 1."""
    noise = np.random.default_rng(seed).normal(size=(2, *shape))
    envelope = np.fft.ifftshift(np.exp(-((ring_radius(shape) / min(shape) / 0.15) ** 2)))
    correlated = np.fft.ifft2(np.fft.fft2(noise[0]) * envelope).real
    return correlated / correlated.std() + 0.5 * noise[1]
