"""Fourier filtering, the study's baseline: select lattice fringes by a band of spatial frequencies."""

from dataclasses import dataclass

import numpy as np

from tem_rf.errors import SettingsError

# The study's band, for Au {111} at 46.8 FFT px of a 512 px patch (0.02152 nm/px), and its Gaussian.
_STUDY_INNER_PX, _STUDY_OUTER_PX, _STUDY_SIGMA_PX, _STUDY_SIDE_PX = 38, 55, 9, 512
_STUDY_MIDDLE_PX = (_STUDY_INNER_PX + _STUDY_OUTER_PX) / 2


@dataclass(frozen=True)
class Band:
    """A ring in the centred Fourier transform of an image.

    Radii are in FFT pixels: cycles per shorter side of the image. In a square image they are distances from the
    centre; in any other image the ring keeps its frequencies and becomes an ellipse of pixels.

    Attributes:
        inner_radius_px: Lower edge, inclusive.
        outer_radius_px: Upper edge, inclusive.
    """

    inner_radius_px: float
    outer_radius_px: float

    def __post_init__(self) -> None:
        """Reject an empty ring."""
        if not 0 <= self.inner_radius_px < self.outer_radius_px:
            raise SettingsError(
                "band: expected 0 <= inner radius < outer radius, received "
                f"{self.inner_radius_px:g} and {self.outer_radius_px:g}; give the smaller radius first."
            )

    @property
    def middle_px(self) -> float:
        """Mean of the two radii, the radius of the Bragg peaks if `find_band` created the band."""
        return (self.inner_radius_px + self.outer_radius_px) / 2


def band_around(radius_px: float) -> Band:
    """Centre a band on Bragg peaks, with the same relative width as the study's.

    Args:
        radius_px: Radius of the peaks [FFT px].

    >>> band_around(46.5)
    Band(inner_radius_px=38.0, outer_radius_px=55.0)
    """
    scale = radius_px / _STUDY_MIDDLE_PX
    return Band(round(_STUDY_INNER_PX * scale, 2), round(_STUDY_OUTER_PX * scale, 2))


def default_sigma_px(band: Band, shape: tuple[int, ...]) -> float:
    """Width of the Gaussian that joins fringes, in as many fringe periods as the study's 9 px: 0.82.

    Args:
        band: The band of the fringes.
        shape: Shape of the image, height and width last.

    >>> default_sigma_px(Band(38, 55), (512, 512))
    9.0
    """
    return round(_STUDY_SIGMA_PX * (min(shape[-2:]) / _STUDY_SIDE_PX) * (_STUDY_MIDDLE_PX / band.middle_px), 2)


def ring_radius(shape: tuple[int, int]) -> np.ndarray:
    """Radius of every pixel of a centred Fourier transform, in cycles per shorter side.

    Args:
        shape: Height and width of the image.

    Returns:
        (h, w) float64.
    """
    side = min(shape)
    y, x = ((np.arange(length) - length // 2) * (side / length) for length in shape)
    return np.hypot(y[:, None], x[None, :])


@dataclass(frozen=True)
class FourierResult:
    """Result of Fourier filtering an image.

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
        gaussian_sigma_px: Width of the Gaussian [px]; None: as many fringe periods as in the study.

    Returns:
        Magnitude, threshold and mask.

    Raises:
        SettingsError: The band is outside the transform.

    Source: Sytwu et al. 2022, "Fourier filtering". With the study's radii and width (38, 55, 9 px for a 512 px patch
        at 0.02152 nm/px) the mask is identical to that of its code.
    """
    from skimage.filters import gaussian, threshold_otsu

    sigma = default_sigma_px(band, image.shape) if gaussian_sigma_px is None else gaussian_sigma_px
    radius = ring_radius(image.shape)
    ring = (radius >= band.inner_radius_px) & (radius <= band.outer_radius_px)
    if not ring.any():
        raise SettingsError(
            f"band {band.inner_radius_px:g} to {band.outer_radius_px:g} px: contains no pixel of the "
            f"Fourier transform, whose maximum radius is {radius.max():.0f} px; give smaller radii."
        )
    spectrum = np.fft.fftshift(np.fft.fft2(image.astype(np.float32)))
    fringes = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum * ring)))
    magnitude = gaussian(fringes, sigma).astype(np.float32)
    threshold = float(threshold_otsu(magnitude))
    return FourierResult(magnitude, threshold, magnitude > threshold)
