"""Project atoms onto pixels: the phase shift of a slice, and the mask of a particle."""

from functools import lru_cache

import numpy as np

from tem_rf.data.simulation.nanoparticle import ATOM_RADIUS_NM
from tem_rf.data.simulation.scattering import Element, phase_factor

BAND_LIMIT = 2 / 3  # of the Nyquist frequency: a product of two functions limited so does not alias into the band
_FINEST_NEEDED_NM = 0.035  # at this sampling the lattice of gold lies inside the band of the grid


def project_phase(
    atoms: np.ndarray, element: Element, *, shape: tuple[int, int], pixel_size_nm: float, voltage_kv: float
) -> np.ndarray:
    """Add up the phase shifts of atoms on a grid that repeats at its borders.

    Atoms go to their four nearest pixels by bilinear weights, whose transform sinc² is divided out again. Where the
    pixels are too coarse for the crystal lattice, this is done on a finer grid and cut back to the band of the
    coarse one; otherwise the lattice would alias into false fringes.

    Args:
        atoms: (n, 2 or more) x, y [nm]; (0, 0) is the centre of the first pixel.
        element: Which atoms.
        shape: Height and width of the grid [px].
        pixel_size_nm: Side of a pixel [nm].
        voltage_kv: Accelerating voltage [kV].

    Returns:
        (height, width) float32 [rad].
    """
    from scipy import fft

    fine = int(np.ceil(pixel_size_nm / _FINEST_NEEDED_NM))
    height, width = shape
    spectrum = fft.rfft2(_splat(atoms, (height * fine, width * fine), pixel_size_nm / fine))
    rows = np.r_[: (height + 1) // 2, height * fine - height // 2 : height * fine]
    spectrum = spectrum[rows, : width // 2 + 1]
    spectrum *= _transfer(element, height, width, pixel_size_nm, fine, voltage_kv)
    return fft.irfft2(spectrum, s=shape)


def project_density(atoms: np.ndarray, *, shape: tuple[int, int], pixel_size_nm: float) -> np.ndarray:
    """Atoms per area: (height, width) float32 [1/nm²]."""
    return _splat(atoms, shape, pixel_size_nm) / np.float32(pixel_size_nm**2)


def project_mask(atoms: np.ndarray, *, shape: tuple[int, int], pixel_size_nm: float) -> np.ndarray:
    """The shadow of a particle: every pixel within an atom's radius of an atom, holes filled.

    Args:
        atoms: (n, 2 or more) x, y [nm], within the grid.
        shape: Height and width of the grid [px].
        pixel_size_nm: Side of a pixel [nm].

    Returns:
        (height, width) bool, all False without atoms.
    """
    from scipy import ndimage

    if not len(atoms):
        return np.zeros(shape, dtype=bool)
    column, row = np.rint(atoms[:, :2] / pixel_size_nm).astype(int).T
    empty = np.ones(shape, dtype=bool)
    empty[row, column] = False
    return ndimage.binary_fill_holes(ndimage.distance_transform_edt(empty, pixel_size_nm) <= ATOM_RADIUS_NM)


@lru_cache(maxsize=32)  # particles of one size and the sheets of the film use the same ones
def _transfer(
    element: Element, height: int, width: int, pixel_size_nm: float, fine: int, voltage_kv: float
) -> np.ndarray:
    """What turns the spectrum of the splatted atoms into that of the phase, band limited: (height, width//2+1)."""
    row, column = np.fft.fftfreq(height, pixel_size_nm), np.fft.rfftfreq(width, pixel_size_nm)
    frequency = np.hypot(row[:, None], column)
    splat = np.outer(np.sinc(row * pixel_size_nm / fine) ** 2, np.sinc(column * pixel_size_nm / fine) ** 2)
    factor = phase_factor(element, frequency, voltage_kv) / splat / pixel_size_nm**2
    factor[frequency > BAND_LIMIT / (2 * pixel_size_nm)] = 0
    return factor.astype(np.float32)


def _splat(atoms: np.ndarray, shape: tuple[int, int], pixel_size_nm: float) -> np.ndarray:
    """Share each atom among its four nearest pixels: (height, width) float32 whose sum is the number of atoms."""
    height, width = shape
    place = atoms[:, :2] / pixel_size_nm
    first = np.floor(place).astype(int)
    part = place - first
    total = np.zeros(height * width)
    for right in (0, 1):
        for down in (0, 1):
            weight = np.abs(1 - right - part[:, 0]) * np.abs(1 - down - part[:, 1])
            pixel = (first[:, 1] + down) % height * width + (first[:, 0] + right) % width
            total += np.bincount(pixel, weight, minlength=height * width)
    return total.reshape(shape).astype(np.float32)
