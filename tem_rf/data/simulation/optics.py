"""Image an exit wave through the objective lens: aberrations, aperture, partial coherence."""

from dataclasses import dataclass

import numpy as np

from tem_rf.data.simulation.multislice import fresnel

_FOCUS_POINTS = 5  # Gauss-Hermite points of the focal spread


@dataclass(frozen=True)
class Optics:
    """The objective lens at one setting.

    Attributes:
        wavelength_nm: Wavelength of the electron [nm].
        defocus_nm: Defocus C1 [nm]; negative is underfocus.
        cs_um: Spherical aberration C3 [µm].
        focal_spread_nm: Standard deviation of the focus [nm].
        convergence_mrad: Standard deviation of the illumination angle [mrad].
        aperture_mrad: Half angle of the objective aperture [mrad], or None.
    """

    wavelength_nm: float
    defocus_nm: float
    cs_um: float
    focal_spread_nm: float
    convergence_mrad: float = 0.0
    aperture_mrad: float | None = None


def image_intensity(wave: np.ndarray, optics: Optics, pixel_size_nm: float) -> np.ndarray:
    """Intensity in the image plane; the incoming wave has intensity 1.

    The focal spread is an incoherent sum over focus, which also treats interference between diffracted beams rightly:
    inside gold the direct beam is weak, and an envelope on the wave would damp exactly those fringes. Convergence,
    a small effect here, is such an envelope.

    Args:
        wave: (height, width) complex64; overwritten.
        optics: The lens.
        pixel_size_nm: Side of a pixel [nm].

    Returns:
        (height, width) float32.
    """
    from scipy import fft

    rows, columns = (np.fft.fftfreq(size, pixel_size_nm).astype(np.float32) for size in wave.shape)
    spectrum = fft.fft2(wave, overwrite_x=True)
    spectrum *= _transfer(np.hypot(rows[:, None], columns), optics)
    points, weights = np.polynomial.hermite_e.hermegauss(_FOCUS_POINTS)
    intensity = np.zeros(wave.shape, dtype=np.float32)
    for point, weight in zip(points, weights / weights.sum(), strict=True):
        focus_nm = optics.defocus_nm + point * optics.focal_spread_nm
        # exp(-i chi) with chi = pi lambda C1 g² is a propagation over the distance C1.
        focused = spectrum * fresnel(rows, focus_nm, optics.wavelength_nm)[:, None]
        focused *= fresnel(columns, focus_nm, optics.wavelength_nm)
        focused = fft.ifft2(focused, overwrite_x=True)
        intensity += np.float32(weight) * (focused.real**2 + focused.imag**2)
    return intensity


def _transfer(frequency: np.ndarray, optics: Optics) -> np.ndarray:
    """All of the lens but defocus: spherical aberration, convergence envelope, aperture."""
    wavelength, cs_nm = optics.wavelength_nm, optics.cs_um * 1e3
    aberration = np.float32(0.5 * np.pi * cs_nm * wavelength**3) * frequency**4
    # Slope of chi with angle, times the spread of the angle.
    slope = 2 * np.pi * (optics.defocus_nm * frequency + cs_nm * wavelength**2 * frequency**3)
    envelope = np.exp(-0.5 * np.square(optics.convergence_mrad * 1e-3 * slope))
    if optics.aperture_mrad is not None:
        envelope = envelope * (frequency <= optics.aperture_mrad * 1e-3 / wavelength)
    return (np.exp(-1j * aberration) * envelope).astype(np.complex64)
