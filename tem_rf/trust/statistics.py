"""Measure an image and the network's probability: the numbers that a verdict is made from.

`tem_rf.exporting.verdict_graph` computes the same numbers in TensorFlow; change both together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tem_rf.metrics.dice import particle_mask

WINDOW_PX = 256
MAX_WINDOWS = 3  # per side, so that a large micrograph costs no more than nine windows
BLOCK_PX = 4
PATCH_PX = 64
MIN_SIDE_PX = BLOCK_PX**2  # smaller images are repeated up to it
BAND_EDGES = (0.0059, 0.012, 0.0234, 0.0469, 0.0664, 0.0938, 0.1328, 0.1875, 0.2656, 0.375, 0.5, 0.72)  # cycles/px
BANDS, RINGS = len(BAND_EDGES) - 1, 64
FRINGES = (0.0664, 0.45)  # cycles/px, where lattice fringes are
EPSILON = 1e-4

STATISTICS = (
    *(f"power_{index}" for index in range(BANDS)),
    "peak",
    "axes",
    "skewness",
    "kurtosis",
    "flat",
    "extreme",
    "detail_spread",
    "unevenness",
    "slope",
    "particle_fraction",
    "entropy",
    "self_dice",
    "inside",
    "outside",
    "outline",
    "contrast",
    "detail_ratio",
    "edge",
    "brightness_correlation",
    "detail_correlation",
)


def measure(image: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Measure the windows of an image.

    Args:
        image: (h, w) float32, preprocessed like the training data; offset and scale have no effect.
        probability: (h, w) float32 of a particle, without a temperature, so that a calibration changes no verdict.

    Returns:
        (n,) float64, as named by `STATISTICS`; logarithms have base 10.
    """
    lacking = [(0, max(MIN_SIDE_PX - length, 0)) for length in image.shape]
    if np.any(lacking):
        image, probability = (np.pad(one, lacking, mode="wrap") for one in (image, probability))
    places = list(windows(image.shape))
    z = np.stack([image[window] for window in places]).astype(np.float32, copy=False)  # (n, h, w)
    p = np.stack([probability[window] for window in places]).astype(np.float32, copy=False)
    z -= z.mean()
    z *= np.float32(1 / max(float(np.sqrt(np.vdot(z, z) / z.size)), 1e-12))
    square, level = z * z, _means(z, BLOCK_PX)
    variance = np.maximum(_means(square, BLOCK_PX) - level**2, 0)
    return np.array(
        [*_spectrum(z), *_levels(z, square), *_patches(z, variance), *_certainty(p), *_contrast(level, variance, p)]
    )


def windows(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Windows spread evenly over an image, which cover it up to three per side; smaller images are one window."""
    starts = []
    for length in shape:
        count = min(-(-length // WINDOW_PX), MAX_WINDOWS)
        last = max(length - WINDOW_PX, 0)
        starts.append([last * index // max(count - 1, 1) for index in range(count)])
    for row in starts[0]:
        for column in starts[1]:
            yield slice(row, row + WINDOW_PX), slice(column, column + WINDOW_PX)


def _spectrum(z: np.ndarray) -> list[float]:
    """Power density in bands, the strongest peak in its ring, and the power along the axes."""
    from scipy import fft

    grid = frequency_grid(z.shape[1], z.shape[2])
    half = fft.rfft2((z - z.mean(axis=(1, 2), keepdims=True)) * grid.window, axes=(1, 2))
    power = (np.square(half.real) + np.square(half.imag)).reshape(len(z), -1)  # (n, frequencies)
    power /= np.square(grid.window).sum()
    mean = power.mean(axis=0)
    density = np.bincount(grid.band, mean, BANDS + 2)[1:-1] / np.maximum(grid.in_band, 1)
    for index in range(BANDS - 2, -1, -1):  # small images lack the lowest bands
        if grid.in_band[index] == 0:
            density[index] = density[index + 1]
    fringes = power.take(grid.fringes, axis=1)
    levels = np.add.reduceat(fringes, grid.rings, axis=1) / grid.in_ring
    ratio = np.maximum.reduceat(fringes, grid.rings, axis=1) / np.maximum(levels, 1e-9)
    along = mean[grid.axes].mean() / max(float(fringes.mean()), 1e-9)
    peak = float(np.log10(ratio.max(axis=1) + 1e-9).mean())
    return [*np.log10(density + 1e-9), peak, float(np.log10(along + 1e-9))]


@dataclass(frozen=True)
class Grid:
    """The frequencies of a window.

    Attributes:
        window: (h, w) Hann window.
        band: Band of each frequency, row by row; 0 is below and `BANDS + 1` above the bands.
        in_band: Number of frequencies in each band.
        fringes: Indices of the frequencies at which fringes may be, ring by ring.
        rings: Where in `fringes` each ring begins.
        in_ring: Number of frequencies in each ring.
        axes: Indices of those that are on the axes.
    """

    window: np.ndarray
    band: np.ndarray
    in_band: np.ndarray
    fringes: np.ndarray
    rings: np.ndarray
    in_ring: np.ndarray
    axes: np.ndarray


@lru_cache(maxsize=8)
def frequency_grid(height: int, width: int) -> Grid:
    """Return the frequencies of a window of this size."""
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    radius = np.hypot(rows, columns).ravel()
    band = np.digitize(radius, BAND_EDGES)
    fringes = np.flatnonzero((radius >= FRINGES[0]) & (radius < FRINGES[1]))
    ring = (radius[fringes] * 2 * RINGS).astype(int)
    fringes = fringes[np.argsort(ring, kind="stable")]
    _, rings, in_ring = np.unique(np.sort(ring), return_index=True, return_counts=True)
    is_on_axis = ((np.abs(rows) <= 1.5 / height) | (columns <= 1.5 / width)).ravel()
    return Grid(
        window=np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]).astype(np.float32),
        band=band,
        in_band=np.bincount(band, minlength=BANDS + 2)[1:-1],
        fringes=fringes,
        rings=rings,
        in_ring=in_ring.astype(np.float32),
        axes=fringes[is_on_axis[fringes]],
    )


def _levels(z: np.ndarray, square: np.ndarray) -> list[float]:
    """Skewness, kurtosis, and shares of pixels that equal their neighbour, or the darkest or brightest value."""
    cube, fourth = (float(np.vdot(square, other)) / z.size for other in (z, square))
    low, high = z.min(), z.max()
    steps = z[:, :, 1:] - z[:, :, :-1]
    flat = _share(np.abs(steps, out=steps) < 1e-3)
    extreme = (np.count_nonzero(z == low) + np.count_nonzero(z == high) * (high > low)) / z.size
    return [
        float(np.cbrt(cube)),
        float(np.log10(max(fourth, 1.0))),
        float(np.log10(flat + 1e-3)),
        float(np.log10(extreme + EPSILON)),
    ]


def _patches(z: np.ndarray, variance: np.ndarray) -> list[float]:
    """How detail varies over the image, and the illumination: means of patches of 64 px, and their slope."""
    detail = np.sqrt(variance.ravel())
    low, high = np.quantile(detail, (0.1, 0.9))
    size = min(PATCH_PX, *z.shape[1:])
    means = _means(z, size)
    spread = means.std()
    _, rows, columns = means.shape
    row, column = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    within = means - means.mean(axis=(1, 2), keepdims=True)
    slopes = [
        float((within * axis).sum(axis=(1, 2)).mean() / max(float((axis**2).sum()), 1e-9)) for axis in (row, column)
    ]
    return [
        float(np.log10((high + 1e-2) / (low + 1e-2))),
        float(np.log10(spread + 1e-3)),
        float(np.log10(np.hypot(slopes[0], slopes[1]) + 1e-3)),
    ]


def _certainty(p: np.ndarray) -> list[float]:
    """Share of particles, entropy, dice of the probability with its own mask, and how sure either side is."""
    inside = particle_mask(p)
    fraction = _share(inside)
    coarse = p[:, ::2, ::2]  # the logarithms take time, and neighbours are much alike
    q = np.clip(coarse, 1e-6, 1 - 1e-6)
    entropy = float(-(q * np.log2(q) + (1 - q) * np.log2(1 - q)).mean())
    total, within = float(p.mean()), float(np.vdot(p, inside.astype(np.float32))) / p.size
    changes = _changes(inside)
    return [
        float(np.log10(fraction + EPSILON)),
        float(np.log10(entropy + EPSILON)),
        (2 * within + EPSILON) / (total + fraction + EPSILON),
        (within + EPSILON) / (fraction + EPSILON),
        float(np.log10((total - within) / (1 - fraction + EPSILON) + EPSILON)),
        float(np.log10((changes + EPSILON) / (fraction + EPSILON))),
    ]


def _contrast(level: np.ndarray, variance: np.ndarray, p: np.ndarray) -> list[float]:
    """Brightness and detail inside and outside of the particles, and along their outlines, in blocks of 4 px."""
    share = _means(p, BLOCK_PX)
    detail = np.log(variance + 1e-3)
    inside, outside = share + 1e-6, 1 - share + 1e-6
    contrast = _mean(level, inside) - _mean(level, outside)
    ratio = _mean(detail, inside) - _mean(detail, outside)
    steps = np.hypot(level[:, 1:, :-1] - level[:, :-1, :-1], level[:, :-1, 1:] - level[:, :-1, :-1])
    unsure = (share * (1 - share))[:, :-1, :-1] + 1e-6
    edge = _mean(steps, unsure) / max(float(steps.mean()), 1e-9)
    return [contrast, ratio, float(np.log10(edge + 1e-3)), _correlation(level, share), _correlation(detail, share)]


def _changes(inside: np.ndarray) -> float:
    """Length of the outlines, in px per px."""
    return _share(inside[:, 1:] != inside[:, :-1]) + _share(inside[:, :, 1:] != inside[:, :, :-1])


def _share(where: np.ndarray) -> float:
    return float(np.count_nonzero(where)) / max(where.size, 1)


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float((values * weights).sum() / weights.sum())


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    norm = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / max(float(norm), 1e-9))


def _means(z: np.ndarray, size: int) -> np.ndarray:
    """(n, h, w) -> (n, h / size, w / size), means of squares; the remainder at the right and bottom is left out."""
    n, height, width = z.shape
    rows, columns = height // size, width // size
    sums = z[:, : rows * size, : columns * size].reshape(n, rows, size, columns * size).sum(axis=2)
    # A product is several times faster than a sum over so short an axis.
    return np.asarray(sums.reshape(n, rows, columns, size) @ np.full(size, 1 / size**2, z.dtype))
