"""Turn an intensity into the counts of a camera."""

import numpy as np
from numpy.random import Generator

from tem_rf.config.simulation import SimulationSettings

_SPIKE_COUNTS = (5_000, 40_000)


def record_counts(intensity: np.ndarray, settings: SimulationSettings, rng: Generator) -> np.ndarray:
    """Record an image: Poisson electrons, blur, gain, readout noise, x-rays.

    The blur comes after the shot noise, since every electron that arrives spreads its light over the scintillator:
    noise is blurred with the signal, as in a real camera's spectrum. (The other order would leave white noise.)

    Args:
        intensity: (height, width) float, 1 for the incoming beam.
        settings: Dose and camera.
        rng: Draws the electrons, the noise and the x-rays.

    Returns:
        (height, width) uint16 counts.
    """
    from scipy import ndimage

    pixel_angstrom2 = (settings.pixel_size_nm * 10) ** 2
    electrons = rng.poisson(intensity * np.float64(settings.dose_e_per_angstrom2 * pixel_angstrom2))
    light = ndimage.gaussian_filter(electrons.astype(np.float32), settings.detector_blur_px)
    counts = settings.offset_counts + settings.counts_per_electron * light
    counts += settings.read_noise_counts * rng.standard_normal(counts.shape, dtype=np.float32)
    spikes = rng.poisson(settings.xray_spikes_per_megapixel * counts.size / 1e6)
    counts.flat[rng.integers(counts.size, size=spikes)] += rng.uniform(*_SPIKE_COUNTS, spikes).astype(np.float32)
    return np.clip(np.rint(counts), 0, np.iinfo(np.uint16).max).astype(np.uint16)
