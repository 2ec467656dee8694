"""Send a plane wave through a specimen, slice by slice."""

from collections.abc import Iterable

import numpy as np

from tem_rf.data.simulation.projection import BAND_LIMIT


def exit_wave(
    slices: Iterable[tuple[np.ndarray, float]], *, shape: tuple[int, int], pixel_size_nm: float, wavelength_nm: float
) -> np.ndarray:
    """Let each slice act at its middle, and propagate from middle to middle (Fresnel), limited to 2/3 of Nyquist.

    For 4 nm of gold, slices of 1 nm agree with slices of 0.2 nm to a correlation of 0.98; a single phase object to
    0.77 to 0.93. Were the slices to act at their upper face, it would be 0.92 to 0.98.

    Args:
        slices: Pairs of (height, width) complex64 transmission and the thickness of the slice [nm], in the order of
            the beam; the transmission may be overwritten.
        shape: Height and width of the field [px], which repeats at its borders.
        pixel_size_nm: Side of a pixel [nm].
        wavelength_nm: Wavelength of the electron [nm].

    Returns:
        (height, width) complex64; 1 where there was vacuum.

    Source: Cowley and Moodie 1957; band limit as in Kirkland, Advanced Computing in Electron Microscopy.
    """
    from scipy import fft

    rows, columns = (np.fft.fftfreq(size, pixel_size_nm) for size in shape)
    band = np.hypot(rows[:, None], columns) <= BAND_LIMIT / (2 * pixel_size_nm)

    def propagate(wave: np.ndarray, distance_nm: float) -> np.ndarray:
        spectrum = fft.fft2(wave, overwrite_x=True)
        spectrum *= fresnel(rows, distance_nm, wavelength_nm)[:, None]
        spectrum *= fresnel(columns, distance_nm, wavelength_nm)
        spectrum *= band
        return fft.ifft2(spectrum, overwrite_x=True)

    wave = np.ones(shape, dtype=np.complex64)
    below_nm = None  # from the middle of the slice above to its lower face
    for transmission, thickness_nm in slices:
        if below_nm is not None:
            wave = propagate(wave, below_nm + thickness_nm / 2)
        wave *= transmission
        below_nm = thickness_nm / 2
    return wave if below_nm is None else propagate(wave, below_nm)


def fresnel(frequency: np.ndarray, distance_nm: float, wavelength_nm: float) -> np.ndarray:
    """Factor exp(-i pi lambda z g²) of one axis; the propagator is the product of both axes' factors."""
    return np.exp(-1j * np.pi * wavelength_nm * distance_nm * frequency**2).astype(np.complex64)
