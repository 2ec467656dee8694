"""What happens to the image on its way to the camera: vibration, drift and an uneven illumination."""

import numpy as np

from tem_rf.data.simulation.conditions import Conditions


def expose(intensity: np.ndarray, conditions: Conditions, pixel_size_nm: float) -> np.ndarray:
    """Blur the image as vibration, magnetic noise fields and drift do, before electrons are counted.

    Vibration and the magnetic noise of the lens tubes move the image at random, by 0.02 to 0.04 nm rms in an aberration
    corrected microscope (Uhlemann et al. 2013, Phys. Rev. Lett. 111, 046101; Barthel and Thust 2013, Ultramicroscopy
    134, 6-17); drift moves it along a line.

    Args:
        intensity: (height, width) float32 on the grid, which repeats at its borders.
        conditions: Spread and drift.
        pixel_size_nm: Side of a pixel [nm].

    Returns:
        (height, width) float32.
    """
    from scipy import fft

    if conditions.image_spread_nm == 0 and conditions.drift_nm == 0:
        return intensity
    height, width = intensity.shape
    rows = np.fft.fftfreq(height, pixel_size_nm).astype(np.float32)[:, None]
    columns = np.fft.rfftfreq(width, pixel_size_nm).astype(np.float32)
    spectrum = fft.rfft2(intensity)
    fall = np.float32(2 * np.pi**2 * conditions.image_spread_nm**2)
    spectrum *= np.exp(-fall * rows**2)
    spectrum *= np.exp(-fall * columns**2)
    if conditions.drift_nm:
        angle = np.radians(conditions.drift_angle_deg)
        along = np.float32(conditions.drift_nm * np.cos(angle)) * columns
        spectrum *= np.sinc(along + np.float32(conditions.drift_nm * np.sin(angle)) * rows)
    return fft.irfft2(spectrum, s=intensity.shape, overwrite_x=True)


def illuminate(intensity: np.ndarray, conditions: Conditions) -> np.ndarray:
    """Let the illumination fall off along a direction and towards the corners: (height, width), of mean about 1."""
    if conditions.illumination_variation == 0:
        return intensity
    height, width = intensity.shape
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32)
    angle = np.radians(conditions.illumination_angle_deg)
    slope = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
    bowl = x**2 + y**2 - np.float32(1 / 6)
    beam = 1 + np.float32(conditions.illumination_variation) * (slope - bowl)
    return np.maximum(intensity * beam, 0)
