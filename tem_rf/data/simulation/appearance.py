"""How a micrograph looks, in numbers that real and simulated ones can be compared by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_rf.errors import DatasetError

BANDS_PER_NM = ((0.0, 0.5), (0.5, 1.5), (1.5, 3.0), (3.0, 4.0), (4.0, 5.2), (5.2, 8.0), (8.0, 16.0))
PERCENTILES = (0.5, 5, 25, 50, 75, 95, 99.5)
EDGE_PX = (-8, -6, -4, -2, 0, 2, 4, 6, 8)
_INSIDE_PX, _OUTSIDE_PX = 12, 24  # from the edge of a label: what is farther away is particle, or film
_LEAST_PIXELS = 200  # of particle and of background, below which neither has a mean or a spread


@dataclass(frozen=True)
class Appearance:
    """One micrograph in numbers; grey levels in standard deviations of the whole image.

    Attributes:
        contrast: Mean of the particles less mean of the background; negative where particles are dark. NaN without
            a mask.
        sd_ratio: Standard deviation within particles over that of the background: how strong fringes are. NaN without
            a mask.
        power: Mean power of the image in the bands of `BANDS_PER_NM`, 1 for white noise; NaN above its Nyquist
            frequency, or without a pixel size.
        percentiles: Grey levels at `PERCENTILES`.
        edge: Mean grey level at the distances `EDGE_PX` from the edge of the label, outward [px], from 0 for what is
            deeper within particles to 1 for the film farther away. NaN without a mask, or too little of either.
    """

    contrast: float
    sd_ratio: float
    power: tuple[float, ...]
    percentiles: tuple[float, ...]
    edge: tuple[float, ...]


def measure_appearance(pixels: np.ndarray, mask: np.ndarray | None, pixel_size_nm: float | None) -> Appearance:
    """Measure one micrograph.

    Args:
        pixels: (height, width) counts or grey levels.
        mask: (height, width) bool, True on particles; None where nobody knows.
        pixel_size_nm: Side of a pixel [nm].

    Raises:
        DatasetError: It is constant, or has too few pixels of particle or background.
    """
    if mask is not None and min(int(mask.sum()), int((~mask).sum())) < _LEAST_PIXELS:
        raise DatasetError(
            f"has {int(mask.sum())} pixels of particle and {int((~mask).sum())} of background, expected at least "
            f"{_LEAST_PIXELS} of each"
        )
    image = np.asarray(pixels, dtype=np.float64)
    sd = float(image.std())
    if not sd > 0:
        raise DatasetError("is constant" if sd == 0 else "has values that are no numbers")
    image = (image - image.mean()) / sd
    return Appearance(
        contrast=np.nan if mask is None else float(image[mask].mean() - image[~mask].mean()),
        sd_ratio=np.nan if mask is None else _ratio(image[mask].std(), image[~mask].std()),
        power=_band_power(image, pixel_size_nm),
        percentiles=tuple(float(value) for value in np.percentile(image, PERCENTILES)),
        edge=(np.nan,) * len(EDGE_PX) if mask is None else _edge_profile(image, mask),
    )


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Minimum, mean and maximum of finite values; NaN where there are none."""
    finite = [value for value in values if np.isfinite(value)]
    return (min(finite), float(np.mean(finite)), max(finite)) if finite else (np.nan,) * 3


def _ratio(inside: float, outside: float) -> float:
    return float(inside / outside) if outside > 0 else np.nan


def _edge_profile(image: np.ndarray, mask: np.ndarray) -> tuple[float, ...]:
    """Grey level by the distance from the edge of the mask, particle 0 and film 1."""
    from scipy import ndimage

    # Half a pixel is taken off, since the edge is between the last pixel of the mask and the first outside.
    inside, outside = (ndimage.distance_transform_edt(part) - 0.5 for part in (mask, ~mask))
    distance = np.where(mask, -inside, outside)
    particle, film = image[distance < -_INSIDE_PX], image[distance > _OUTSIDE_PX]
    if min(particle.size, film.size) < _LEAST_PIXELS or particle.mean() == film.mean():
        return (np.nan,) * len(EDGE_PX)
    dark, height = particle.mean(), film.mean() - particle.mean()
    return tuple(float((image[np.abs(distance - px) <= 1].mean() - dark) / height) for px in EDGE_PX)


def _band_power(image: np.ndarray, pixel_size_nm: float | None) -> tuple[float, ...]:
    if pixel_size_nm is None:
        return (np.nan,) * len(BANDS_PER_NM)
    height, width = image.shape
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    power = np.abs(np.fft.rfft2(image * window)) ** 2 / np.square(window).sum()
    radius = np.hypot(np.fft.fftfreq(height, pixel_size_nm)[:, None], np.fft.rfftfreq(width, pixel_size_nm))
    power[0, 0] = np.nan
    nyquist = 0.5 / pixel_size_nm
    bands = [(radius >= low) & (radius < high) for low, high in BANDS_PER_NM]
    inside = [
        bool(band.sum() > 3) and high <= nyquist * 1.001 for band, (_, high) in zip(bands, BANDS_PER_NM, strict=True)
    ]
    return tuple(
        float(np.nanmean(power[band])) if is_inside else np.nan for band, is_inside in zip(bands, inside, strict=True)
    )
