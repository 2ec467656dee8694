"""Fourier filtering: the segmentation without a network that the study compares with."""

from dataclasses import dataclass

import numpy as np

from tem_rf.errors import SettingsError
from tem_rf.evaluation.band import Band, default_sigma_px, ring_radius


@dataclass(frozen=True)
class FourierResult:
    """What Fourier filtering makes of an image.

    Attributes:
        magnitude: (h, w) float32, smoothed amplitude of the fringes.
        threshold: Otsu's threshold of the magnitude.
        mask: (h, w) bool, True on particles.
    """

    magnitude: np.ndarray
    threshold: float
    mask: np.ndarray


def fourier_filter(image: np.ndarray, band: Band, gaussian_sigma_px: float | None = None) -> FourierResult:
    """Segment lattice fringes: band-pass, inverse transform, magnitude, Gaussian, Otsu.

    Args:
        image: (h, w); brightness and contrast do not change the mask.
        band: Ring of the Bragg peaks, both radii inclusive.
        gaussian_sigma_px: Width of the Gaussian [px]; None for as many fringe periods as in the study.

    Returns:
        Magnitude, threshold and mask.

    Raises:
        SettingsError: The band lies outside the transform.

    Source: Sytwu et al. 2022, "Fourier filtering"; with the study's radii and width (38, 55, 9 px for a 512 px
        patch at 0.02152 nm/px) the mask of its code, pixel by pixel.
    """
    from skimage.filters import gaussian, threshold_otsu

    sigma = default_sigma_px(band, image.shape) if gaussian_sigma_px is None else gaussian_sigma_px
    radius = ring_radius(image.shape)
    ring = (radius >= band.inner_radius_px) & (radius <= band.outer_radius_px)
    if not ring.any():
        raise SettingsError(
            f"band {band.inner_radius_px:g} to {band.outer_radius_px:g} px: holds no pixel of the Fourier transform, "
            f"whose radii end at {radius.max():.0f} px; give radii within it."
        )
    spectrum = np.fft.fftshift(np.fft.fft2(image.astype(np.float32)))
    fringes = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum * ring)))
    magnitude = gaussian(fringes, sigma).astype(np.float32)
    threshold = float(threshold_otsu(magnitude))
    return FourierResult(magnitude, threshold, magnitude > threshold)
