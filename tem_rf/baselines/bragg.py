"""Find the ring of lattice fringes in the power spectrum of HRTEM images."""

from collections.abc import Iterator

import numpy as np

from tem_rf.baselines.fourier import Band, band_around, ring_radius
from tem_rf.errors import NoBraggPeaksError, SettingsError

_TILE_PX = 512
_MIN_CYCLES = 16  # per tile; below this the shapes of the particles dominate
_MAX_FREQUENCY = 0.45  # cycles per pixel; above this resampling and colour filters leave patterns
_FALSE_ALARM = 1e-5  # probability that speckle alone passes; at 1e-3 facets of 20 nm particles passed as fringes
_CROSS_PX = 2  # half width of the cross caused by borders, uneven rows and bars
_BACKGROUND_PX = 31  # side of the box that follows a background that is not round (astigmatism, drift)
_PEAK_WIDTH = 0.05  # peaks within this fraction of a radius belong to one reflection
_FIRST_ORDER_SHARE = 0.3  # minimum power of the first order, relative to a particle with a strong higher one


def find_band(
    images: np.ndarray, *, pixel_size_nm: float | None = None, lattice_spacing_nm: float | None = None
) -> Band:
    """Choose the band around the dominant first-order Bragg peaks.

    With a lattice spacing, the radius follows from the pixel size. Without, it is measured. The power spectrum of an
    amorphous film is speckle: its pixels are distributed exponentially about a smooth background. Anything above the
    maximum expected speckle is a Bragg peak, and the band is centred on the innermost strong reflection. Strength is
    judged by power: higher orders are more distinct, since the film scatters less there, but have less power. Relative
    to its radius, the band is as wide as the study's, 38 to 55 px around 46.5 px.

    Args:
        images: (h, w) or (n, h, w): an image, or patches that share one band.
        pixel_size_nm: Pixel size [nm]; needed with a lattice spacing.
        lattice_spacing_nm: Spacing of the lattice planes [nm], 0.2355 for Au {111}.

    Returns:
        The band for one image of this size.

    Raises:
        SettingsError: A spacing without a pixel size.
        NoBraggPeaksError: No Bragg peaks are above the background, or the fringes are finer than two pixels.

    >>> find_band(np.zeros((512, 512)), pixel_size_nm=0.02152, lattice_spacing_nm=0.2355)  # 46.8 px -+ 18 %
    Band(inner_radius_px=38.23, outer_radius_px=55.34)
    """
    side = min(images.shape[-2:])
    frequency = (
        _dominant_frequency(images)
        if lattice_spacing_nm is None
        else _lattice_frequency(lattice_spacing_nm, pixel_size_nm)
    )
    return band_around(side * frequency)


def _lattice_frequency(lattice_spacing_nm: float, pixel_size_nm: float | None) -> float:
    """Cycles per pixel."""
    if pixel_size_nm is None:
        raise SettingsError(
            f"lattice spacing {lattice_spacing_nm:g} nm: needs a pixel size, received none; "
            "give the pixel size, or leave the spacing out to find the band from the image."
        )
    if lattice_spacing_nm < 2 * pixel_size_nm:
        raise NoBraggPeaksError(
            f"lattice spacing {lattice_spacing_nm:g} nm: expected at least two pixels of {pixel_size_nm:g} nm; "
            "the image cannot show fringes this fine, so Fourier filtering is not possible."
        )
    return pixel_size_nm / lattice_spacing_nm


def _dominant_frequency(images: np.ndarray) -> float:
    """Cycles per pixel of the first-order reflection that rises above the speckle."""
    tiles = list(_tiles(images))
    side = tiles[0].shape[0]
    radius = ring_radius((side, side))
    searched = _searched(radius)
    # Half the pixels are independent: the transform of a real image is symmetric.
    max_speckle = np.log(max(1, len(tiles) * searched.sum() / 2) / _FALSE_ALARM)
    peaks = np.zeros((side, side))
    for tile in tiles:
        power = _power_spectrum(tile)
        peaks += power * (searched & (power > max_speckle * speckle_background(power, radius)))
    if not peaks.any():
        raise NoBraggPeaksError(
            "no Bragg peaks found: expected lattice fringes in the Fourier transform, found only its smooth "
            "background; if there are fringes, give the band or the lattice spacing, otherwise use another method."
        )
    return _first_order_radius(radius[peaks > 0], peaks[peaks > 0]) / side


def _first_order_radius(radii: np.ndarray, weights: np.ndarray) -> float:
    """Mean radius of the innermost strong reflection."""
    order = np.argsort(radii)
    radii, weights = radii[order], weights[order]
    below = np.concatenate([[0.0], np.cumsum(weights)])
    first = np.searchsorted(radii, radii * (1 - _PEAK_WIDTH), side="left")
    end = np.searchsorted(radii, radii * (1 + _PEAK_WIDTH), side="right")
    carried = below[end] - below[first]  # power of the peaks around each peak
    edge = radii[np.argmax(carried >= _FIRST_ORDER_SHARE * carried.max())]
    same_reflection = (radii >= edge) & (radii <= edge * (1 + 2 * _PEAK_WIDTH))
    centre = np.argmax(carried * same_reflection)
    reflection = slice(first[centre], end[centre])
    return float(np.average(radii[reflection], weights=weights[reflection]))


def _tiles(images: np.ndarray) -> Iterator[np.ndarray]:
    """Square tiles. In a larger field the speckle of the rest hides the fringes of a single particle."""
    for image in images.reshape(-1, *images.shape[-2:]):
        side = min(_TILE_PX, *image.shape)
        for row in range(0, image.shape[0] - side + 1, side):
            for column in range(0, image.shape[1] - side + 1, side):
                yield image[row : row + side, column : column + side]


def _searched(radius: np.ndarray) -> np.ndarray:
    """Region in which Bragg peaks are searched."""
    side = radius.shape[0]
    off_axis = np.abs(np.arange(side) - side // 2) > _CROSS_PX
    within = (radius >= _MIN_CYCLES) & (radius <= _MAX_FREQUENCY * side)
    return within & off_axis[:, None] & off_axis[None, :]


def _power_spectrum(tile: np.ndarray) -> np.ndarray:
    """Centred power spectrum of a tile scaled to mean 0 and standard deviation 1."""
    from scipy.signal.windows import tukey

    window = tukey(tile.shape[0], 0.25)
    tile = tile.astype(np.float64)
    standardized = (tile - tile.mean()) / max(tile.std(), np.finfo(float).tiny)
    return np.abs(np.fft.fftshift(np.fft.fft2(standardized * window[:, None] * window))) ** 2


def speckle_background(power: np.ndarray, radius: np.ndarray, *, ring_px: float = 1) -> np.ndarray:
    """Mean power of the speckle at every pixel of a spectrum.

    Args:
        power: (h, w) centred power spectrum.
        radius: (h, w) distance from its centre [px].
        ring_px: Width of the rings whose median is the background before it is followed around them [px].

    Returns:
        (h, w), greater than 0 unless the spectrum is 0.
    """
    from scipy import ndimage

    ring = np.rint(radius / ring_px).astype(int)
    # Bragg peaks do not change the median of a ring; the mean around a pixel follows a background that is not round.
    round_background = ndimage.median(power, ring, index=np.arange(ring.max() + 1))[ring]
    round_background = np.maximum(round_background, np.finfo(float).eps * power.max())
    if not power.any():
        return round_background
    relative = np.minimum(power / round_background, 6.0)  # Bragg peaks cut off
    return round_background * ndimage.uniform_filter(relative, _BACKGROUND_PX).clip(min=0.1)
