"""Near duplicates: micrographs of overlapping fields, such as neighbouring frames of a video.

They are detected by the film between the particles, which is random: if two films match at some shift, they are the
same. Particles alone prove nothing, since a shift can superimpose particles of similar size, but they must match at
the same shift. Simulated micrographs may share their film, but no particles.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_SIDE_PX = 96  # of a fingerprint
_SMOOTH_PX = 3.0  # wider variations are illumination
_ROOM = (2 * _SIDE_PX, 2 * _SIDE_PX)
_GRAIN_PX = 8  # beyond this distance the texture of a film is not correlated
_MIN_SHARED_PX = 200  # of film shared by two micrographs; fewer match by chance
_SIGNIFICANT = 6.5  # of 190 pairs of hand-labelled frames, four that share a field reach 7.2 to 23, the others 5.4
_MIN_DICE = 0.5  # of the particles: 0.61 to 0.82 in those four pairs, below 0.25 if only the film is shared
_MAX_PAIRS = 10_000  # about ten seconds


@dataclass(frozen=True)
class Fingerprint:
    """Film of a micrograph, in blocks.

    Attributes:
        film: (96, 96) float32 with mean 0 and standard deviation 1 on the film; NaN on particles and outside the image.
        particle: (96, 96) bool, True if a block contains a particle pixel.
        block_px: Side of a block [px].
    """

    film: np.ndarray
    particle: np.ndarray
    block_px: int


@dataclass(frozen=True)
class Overlap:
    """Two micrographs of the same area.

    Attributes:
        one: Index of the first.
        other: Index of the second.
        shift_px: Shift of the second against the first, down and to the right, in micrograph pixels.
        significance: Correlation of the shared film, in standard deviations of chance.
    """

    one: int
    other: int
    shift_px: tuple[int, int]
    significance: float


def take_fingerprint(image: np.ndarray, mask: np.ndarray) -> Fingerprint:
    """Compute the features that identify the area of a micrograph.

    Args:
        image: (height, width) float32, normalized.
        mask: (height, width) bool, True on particles.
    """
    from scipy import ndimage

    block_px = -(-max(image.shape) // _SIDE_PX)
    rows, columns = (length // block_px for length in image.shape)
    whole = slice(rows * block_px), slice(columns * block_px)
    blocks = (rows, block_px, columns, block_px)
    values = image[whole].reshape(blocks).mean(axis=(1, 3))
    particle = np.zeros((_SIDE_PX, _SIDE_PX), bool)
    particle[:rows, :columns] = mask[whole].reshape(blocks).any(axis=(1, 3))
    film = ~ndimage.binary_dilation(
        particle[:rows, :columns], np.ones((3, 3), bool)
    )  # without the Fresnel fringes of the edges
    result = np.full((_SIDE_PX, _SIDE_PX), np.nan, np.float32)
    if np.count_nonzero(film) >= _MIN_SHARED_PX:
        weight = ndimage.gaussian_filter(film.astype(np.float32), _SMOOTH_PX)
        smooth = ndimage.gaussian_filter(np.where(film, values, 0), _SMOOTH_PX) / np.maximum(weight, 1e-3)
        texture = values - smooth
        spread = max(float(texture[film].std()), 1e-12)
        result[:rows, :columns] = np.where(film, (texture - texture[film].mean()) / spread, np.nan)
    return Fingerprint(result, particle, block_px)


def find_overlaps(fingerprints: Sequence[Fingerprint], pairs: Iterable[tuple[int, int]]) -> list[Overlap]:
    """Compare micrographs at every shift.

    Args:
        fingerprints: Fingerprints of all micrographs.
        pairs: Indices of those to compare; if there are more than 10,000 pairs, those nearest in order, as in a video.

    Returns:
        The pairs that share a field, most certain first.
    """
    comparable = [pair for pair in pairs if fingerprints[pair[0]].block_px == fingerprints[pair[1]].block_px]
    compared = sorted(comparable, key=lambda pair: abs(pair[0] - pair[1]))[:_MAX_PAIRS]
    spectra: dict[int, _Spectrum] = {}
    found = []
    for one, other in sorted(compared):
        spectra = {index: spectrum for index, spectrum in spectra.items() if index >= one}  # earlier ones do not recur
        for index in (one, other):
            if index not in spectra:
                spectra[index] = _spectrum(fingerprints[index].film)
        shift, significance = _best_shift(spectra[one], spectra[other])
        if significance >= _SIGNIFICANT and _share_particles(fingerprints[one], fingerprints[other], shift):
            block_px = fingerprints[one].block_px
            found.append(Overlap(one, other, (shift[0] * block_px, shift[1] * block_px), significance))
    return sorted(found, key=lambda overlap: -overlap.significance)


@dataclass(frozen=True)
class _Spectrum:
    """Fourier spectra of a film, padded for every shift, and the autocorrelation length of its texture."""

    texture: np.ndarray
    known: np.ndarray
    autocorrelation: np.ndarray


def _spectrum(film: np.ndarray) -> _Spectrum:
    from scipy import fft

    known = np.isfinite(film)
    texture, where = fft.rfft2(np.where(known, film, 0), _ROOM), fft.rfft2(known.astype(np.float32), _ROOM)
    products, shared = (fft.irfft2(np.abs(transform) ** 2, _ROOM) for transform in (texture, where))
    lags = np.ix_(*[np.arange(-_GRAIN_PX, _GRAIN_PX + 1)] * 2)
    return _Spectrum(texture, where, products[lags] / np.maximum(shared[lags], 1))


def _best_shift(one: _Spectrum, other: _Spectrum) -> tuple[tuple[int, int], float]:
    """Shift in blocks at which two textures match best, and its significance."""
    from scipy import fft

    products = fft.irfft2(np.conj(one.texture) * other.texture, _ROOM)
    shared = fft.irfft2(np.conj(one.known) * other.known, _ROOM)
    # Variance of a sum of products of unrelated values of variance 1: their number, and more if neighbours are
    # similar (Bartlett 1935).
    grain = max(1.0, float(np.sum(one.autocorrelation * other.autocorrelation)))
    significance = np.where(shared >= _MIN_SHARED_PX, products / np.sqrt(np.maximum(shared, 1) * grain), 0)
    row, column = (int(at) for at in np.unravel_index(np.argmax(significance), _ROOM))
    down, right = (at - 2 * _SIDE_PX if at >= _SIDE_PX else at for at in (row, column))
    return (down, right), float(significance[row, column])


def _share_particles(one: Fingerprint, other: Fingerprint, shift: tuple[int, int]) -> bool:
    """Whether the particles match in the shared part of the field, or there are none in it."""
    here, there = (tuple(slice(max(0, -sign * at), _SIDE_PX - max(0, sign * at)) for at in shift) for sign in (1, -1))
    first, second = one.particle[here], other.particle[there]
    marked = np.count_nonzero(first) + np.count_nonzero(second)
    return bool(2 * np.count_nonzero(first & second) >= _MIN_DICE * marked)
