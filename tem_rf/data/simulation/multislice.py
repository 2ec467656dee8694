"""Send a plane wave through a specimen, slice by slice."""

from collections.abc import Iterable

import numpy as np

from tem_rf.data.simulation.projection import BAND_LIMIT


def exit_wave(
    slices: Iterable[tuple[np.ndarray, float]], *, shape: tuple[int, int], pixel_size_nm: float, wavelength_nm: float
) -> np.ndarray:
    """Multiply by each slice's transmission and propagate to the next (Fresnel), limited to 2/3 of Nyquist.

    Slices of 1 nm agree with slices of 0.2 nm to a correlation of 0.97 for gold on carbon; a single phase object
    does not (0.5 to 0.8).

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
    wave = np.ones(shape, dtype=np.complex64)
    for transmission, thickness_nm in slices:
        wave *= transmission
        spectrum = fft.fft2(wave, overwrite_x=True)
        spectrum *= fresnel(rows, thickness_nm, wavelength_nm)[:, None]
        spectrum *= fresnel(columns, thickness_nm, wavelength_nm)
        spectrum *= band
        wave = fft.ifft2(spectrum, overwrite_x=True)
    return wave


def fresnel(frequency: np.ndarray, distance_nm: float, wavelength_nm: float) -> np.ndarray:
    """Factor exp(-i pi lambda z g²) of one axis; the propagator is the product of both axes' factors."""
    return np.exp(-1j * np.pi * wavelength_nm * distance_nm * frequency**2).astype(np.complex64)
