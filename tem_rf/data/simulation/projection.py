"""Project atoms onto pixels: the phase shift of a slice, and the mask of a particle."""

from functools import lru_cache

import numpy as np

from tem_rf.data.simulation.scattering import Element, phase_factor

ATOM_RADIUS_NM = 0.144  # half the distance of neighbours in gold
BAND_LIMIT = 2 / 3  # of the Nyquist frequency: a product of two functions limited so does not alias into the band
_LOSS_B = 2.0  # Å²; how far from its centre an atom scatters widely, 0.016 nm rms, beside its vibration
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

    height, width = shape
    spectrum, fine = _spectrum(atoms, shape, pixel_size_nm)
    spectrum *= _transfer(element, height, width, pixel_size_nm, fine, voltage_kv)
    return fft.irfft2(spectrum, s=shape)


def project_path(
    atoms: np.ndarray,
    element: Element,
    *,
    shape: tuple[int, int],
    pixel_size_nm: float,
    voltage_kv: float,
    lost_nm2: float,
) -> np.ndarray:
    """Phase shift plus, as imaginary part, half the loss of atoms: exp(i path) transmits.

    The loss of an atom is spread as widely as its vibration, within the band of the grid.

    Args:
        atoms: As for `project_phase`, like all but the last.
        element: Which atoms.
        shape: Height and width of the grid [px].
        pixel_size_nm: Side of a pixel [nm].
        voltage_kv: Accelerating voltage [kV].
        lost_nm2: Cross section of an atom for leaving the image [nm²].

    Returns:
        (height, width) complex64.
    """
    from scipy import fft

    height, width = shape
    spectrum, fine = _spectrum(atoms, shape, pixel_size_nm)
    lost = spectrum * _loss_transfer(element, height, width, pixel_size_nm, fine)
    spectrum *= _transfer(element, height, width, pixel_size_nm, fine, voltage_kv)
    path = np.empty(shape, dtype=np.complex64)
    path.real = fft.irfft2(spectrum, s=shape, overwrite_x=True)
    path.imag = fft.irfft2(lost, s=shape, overwrite_x=True)
    path.imag *= np.float32(lost_nm2 / 2)
    return path


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


@lru_cache(maxsize=32)
def _loss_transfer(element: Element, height: int, width: int, pixel_size_nm: float, fine: int) -> np.ndarray:
    """The same for the loss: (height, width // 2 + 1) [1/nm²]."""
    row, column = np.fft.fftfreq(height, pixel_size_nm), np.fft.rfftfreq(width, pixel_size_nm)
    frequency = np.hypot(row[:, None], column)
    splat = np.outer(np.sinc(row * pixel_size_nm / fine) ** 2, np.sinc(column * pixel_size_nm / fine) ** 2)
    factor = np.exp(-(element.debye_waller + _LOSS_B) / 4 * np.square(frequency / 10)) / splat / pixel_size_nm**2
    factor[frequency > BAND_LIMIT / (2 * pixel_size_nm)] = 0
    return factor.astype(np.float32)


def _spectrum(atoms: np.ndarray, shape: tuple[int, int], pixel_size_nm: float) -> tuple[np.ndarray, int]:
    """Spectrum of the atoms within the band of the grid, and by how much the grid was refined for it."""
    from scipy import fft

    fine = int(np.ceil(pixel_size_nm / _FINEST_NEEDED_NM))
    height, width = shape
    spectrum = fft.rfft2(atoms_per_pixel(atoms, (height * fine, width * fine), pixel_size_nm / fine))
    if fine == 1:
        return spectrum, fine
    rows = np.r_[: (height + 1) // 2, height * fine - height // 2 : height * fine]
    return spectrum[rows, : width // 2 + 1], fine


def atoms_per_pixel(atoms: np.ndarray, shape: tuple[int, int], pixel_size_nm: float) -> np.ndarray:
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
