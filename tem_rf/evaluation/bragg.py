"""Find the ring of lattice fringes in the power spectrum of HRTEM images."""

from collections.abc import Iterator

import numpy as np

from tem_rf.errors import NoBraggPeaksError, SettingsError
from tem_rf.evaluation.band import Band, band_around, ring_radius

AU_111_NM = 0.2355
"""Spacing of the {111} planes of gold, its strongest reflection [nm]."""

_TILE_PX = 512
_LEAST_CYCLES = 16  # per tile: below, the shapes of the particles dominate
_GREATEST_FREQUENCY = 0.45  # cycles per pixel: above, resampling and colour filters leave patterns
_FALSE_ALARM = 1e-3  # one image in a thousand without lattice fringes passes for one with
_BACKGROUND_PX = 31  # side of the box that follows a background which is not round (astigmatism, drift)
_PEAK_WIDTH = 0.05  # peaks within this fraction of a radius belong to one reflection


def find_band(
    images: np.ndarray, *, pixel_size_nm: float | None = None, lattice_spacing_nm: float | None = None
) -> Band:
    """Choose the band around the dominant first-order Bragg peaks.

    With a lattice spacing the radius follows from the pixel size. Without, it is measured. The power spectrum of an
    amorphous film is speckle: its pixels are distributed exponentially about a smooth background. What rises above
    the greatest speckle to be expected is a Bragg peak, and the band is laid around the reflection that rises most.
    Its width relative to its radius is that of the study's band: 38 to 55 px around 46.5 px.

    Args:
        images: (h, w) or (n, h, w): an image, or patches that share one band.
        pixel_size_nm: Side of a pixel [nm]; needed with a lattice spacing.
        lattice_spacing_nm: Spacing of the lattice planes [nm], 0.2355 for Au {111}.

    Returns:
        The band for one image of this size.

    Raises:
        SettingsError: A spacing without a pixel size.
        NoBraggPeaksError: No Bragg peaks stand out of the background, or the fringes are finer than two pixels.

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
            f"lattice spacing {lattice_spacing_nm:g} nm: expected a pixel size with it, received none; "
            "give the pixel size, or leave the spacing out to find the band from the image."
        )
    if lattice_spacing_nm < 2 * pixel_size_nm:
        raise NoBraggPeaksError(
            f"lattice spacing {lattice_spacing_nm:g} nm: expected at least two pixels of {pixel_size_nm:g} nm; "
            "fringes this fine are not in the image, and Fourier filtering cannot work on it."
        )
    return pixel_size_nm / lattice_spacing_nm


def _dominant_frequency(images: np.ndarray) -> float:
    """Cycles per pixel of the reflection that rises most above the speckle."""
    tiles = list(_tiles(images))
    side = tiles[0].shape[0]
    radius = ring_radius((side, side))
    searched = _searched(radius)
    # Half the pixels are independent: the transform of a real image is symmetric.
    greatest_speckle = np.log(max(1, len(tiles) * searched.sum() / 2) / _FALSE_ALARM)
    excess = np.zeros((side, side))
    for tile in tiles:
        excess += np.clip(_over_background(tile, radius) - greatest_speckle, 0, None) * searched
    if not excess.any():
        raise NoBraggPeaksError(
            "no Bragg peaks found: expected lattice fringes in the Fourier transform, found only its smooth "
            "background; give the band or the lattice spacing if there are fringes, or use another method."
        )
    return _heaviest_radius(radius[excess > 0], excess[excess > 0]) / side


def _heaviest_radius(radii: np.ndarray, weights: np.ndarray) -> float:
    """Mean radius of the reflection that carries most weight."""
    order = np.argsort(radii)
    radii, weights = radii[order], weights[order]
    below = np.concatenate([[0.0], np.cumsum(weights)])
    first = np.searchsorted(radii, radii * (1 - _PEAK_WIDTH), side="left")
    end = np.searchsorted(radii, radii * (1 + _PEAK_WIDTH), side="right")
    heaviest = np.argmax(below[end] - below[first])
    reflection = slice(first[heaviest], end[heaviest])
    return float(np.average(radii[reflection], weights=weights[reflection]))


def _tiles(images: np.ndarray) -> Iterator[np.ndarray]:
    """Square tiles; in a larger field the fringes of one particle drown in the speckle of the rest."""
    for image in images.reshape(-1, *images.shape[-2:]):
        side = min(_TILE_PX, *image.shape)
        for row in range(0, image.shape[0] - side + 1, side):
            for column in range(0, image.shape[1] - side + 1, side):
                yield image[row : row + side, column : column + side]


def _searched(radius: np.ndarray) -> np.ndarray:
    """Where Bragg peaks are looked for; not on the axes, where the borders of the image leave a cross."""
    side = radius.shape[0]
    off_axis = np.abs(np.arange(side) - side // 2) > 2
    within = (radius >= _LEAST_CYCLES) & (radius <= _GREATEST_FREQUENCY * side)
    return within & off_axis[:, None] & off_axis[None, :]


def _over_background(tile: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Power spectrum over its background: exponentially distributed with mean 1 where there is only speckle."""
    from scipy import ndimage
    from scipy.signal.windows import tukey

    window = tukey(tile.shape[0], 0.25)
    tile = tile - tile.mean(dtype=np.float64)
    power = np.abs(np.fft.fftshift(np.fft.fft2(tile * window[:, None] * window))) ** 2
    ring = np.rint(radius).astype(int)
    # The median of an exponential distribution is ln 2 of its mean, and Bragg peaks do not move it.
    background = ndimage.median(power, ring, index=np.arange(ring.max() + 1)) / np.log(2)
    relative = power / np.maximum(background[ring], np.finfo(float).eps * max(power.max(), 1e-300))
    return relative / ndimage.uniform_filter(np.minimum(relative, 4.0), _BACKGROUND_PX).clip(min=0.1)
