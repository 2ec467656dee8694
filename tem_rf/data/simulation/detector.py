"""Turn an intensity into the counts of a camera."""

import numpy as np
from numpy.random import Generator

from tem_rf.config.simulation import SimulationSettings

_SPIKE_COUNTS = (5_000, 40_000)
_HOT_ELECTRONS = (5, 200)  # dark level of hot pixels
HALO = 5.0  # how many times farther the halo reaches than the blur


def record_counts(intensity: np.ndarray, settings: SimulationSettings, rng: Generator) -> np.ndarray:
    """Record an image: Poisson electrons, blur, gain, readout noise, faulty pixels, x-rays.

    In a scintillator camera the blur comes after the shot noise, since every electron that arrives spreads its light:
    noise is blurred with the signal, as in a real camera's spectrum. Electrons give unequal amounts of light, which
    costs efficiency. A direct camera counts each electron in the pixel where it found it: the signal is blurred, the
    noise stays white, and the electrons that it misses cost efficiency.

    Args:
        intensity: (height, width) float, 1 for the incoming beam.
        settings: Dose and camera.
        rng: Draws the electrons, the noise and the faulty pixels.

    Returns:
        (height, width) uint16 counts.
    """
    electrons_per_pixel = np.float64(settings.dose_e_per_angstrom2 * (settings.pixel_size_nm * 10) ** 2)
    efficiency = settings.quantum_efficiency
    if settings.camera == "direct":
        arriving = np.maximum(_spread(intensity.astype(np.float32), settings), 0)
        light = rng.poisson(arriving * (electrons_per_pixel * efficiency)).astype(np.float32) / np.float32(efficiency)
    else:
        electrons = rng.poisson(intensity * electrons_per_pixel).astype(np.float32)
        if efficiency < 1:  # light per electron with a variance that lowers the efficiency to this
            excess = electrons * np.float32(1 / efficiency - 1)
            electrons += np.sqrt(excess) * rng.standard_normal(electrons.shape, dtype=np.float32)
        light = _spread(electrons, settings)
    if settings.gain_error:
        light *= 1 + np.float32(settings.gain_error) * rng.standard_normal(light.shape, dtype=np.float32)
    _spoil_pixels(light, settings, rng)
    counts = settings.offset_counts + settings.counts_per_electron * light
    readout = np.float32(settings.read_noise_counts / np.sqrt(settings.frames))
    counts += readout * rng.standard_normal(counts.shape, dtype=np.float32)
    spikes = rng.poisson(settings.xray_spikes_per_megapixel * counts.size / 1e6)
    counts.flat[rng.integers(counts.size, size=spikes)] += rng.uniform(*_SPIKE_COUNTS, spikes).astype(np.float32)
    return np.clip(np.rint(counts), 0, np.iinfo(np.uint16).max).astype(np.uint16)


def _spread(image: np.ndarray, settings: SimulationSettings) -> np.ndarray:
    """The point spread of the camera: a Gaussian, and a part of the signal five times as far. (height, width)."""
    from scipy import ndimage

    if settings.detector_blur_px == 0:
        return image
    blurred = ndimage.gaussian_filter(image, settings.detector_blur_px)
    if settings.detector_halo:
        far = ndimage.gaussian_filter(image, HALO * settings.detector_blur_px, truncate=3)
        blurred += np.float32(settings.detector_halo) * (far - blurred)
    return blurred


def _spoil_pixels(light: np.ndarray, settings: SimulationSettings, rng: Generator) -> None:
    """Dead pixels, without signal, and hot ones, of a high dark level."""
    dead = rng.poisson(settings.dead_pixels_per_megapixel * light.size / 1e6)
    light.flat[rng.integers(light.size, size=dead)] = 0
    hot = rng.poisson(settings.hot_pixels_per_megapixel * light.size / 1e6)
    light.flat[rng.integers(light.size, size=hot)] += rng.uniform(*_HOT_ELECTRONS, hot).astype(np.float32)
