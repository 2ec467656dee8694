"""Near duplicates: micrographs of overlapping fields, such as neighbours in a video.

They are found by the film between the particles, which is random: where two films agree at some shift, they are one.
Particles prove nothing by themselves, since particles alike in size can be laid upon each other by a shift; but they
must agree at the same shift. Simulated micrographs may share their film, and no particle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_SIDE_PX = 96  # of a fingerprint
_SMOOTH_PX = 3.0  # wider variations are illumination
_ROOM = (2 * _SIDE_PX, 2 * _SIDE_PX)
_GRAIN_PX = 8  # beyond this the texture of a film is not correlated
_MIN_SHARED_PX = 200  # of film that two micrographs must share; fewer agree by chance
_SIGNIFICANT = 6.5  # of 190 pairs of hand-labelled frames, four that share a field reach 7.2 to 23, the others 5.4
_MIN_DICE = 0.5  # of the particles, which are 0.61 to 0.82 in those four pairs, below 0.25 where only film is shared
_MAX_PAIRS = 10_000  # about ten seconds


@dataclass(frozen=True)
class Fingerprint:
    """Film of a micrograph, in blocks.

    Attributes:
        film: (96, 96) float32 of mean 0 and standard deviation 1 over the film; NaN on particles and beyond the image.
        particle: (96, 96) bool, where a block holds a pixel of a particle.
        block_px: Side of a block [px].
    """

    film: np.ndarray
    particle: np.ndarray
    block_px: int


@dataclass(frozen=True)
class Overlap:
    """Two micrographs that show the same place.

    Attributes:
        one: Index of the first.
        other: Index of the second.
        shift_px: How far down and to the right the second shows what the first shows, in the micrograph.
        significance: Correlation of the film they share, in standard deviations of chance.
    """

    one: int
    other: int
    shift_px: tuple[int, int]
    significance: float


def take_fingerprint(image: np.ndarray, mask: np.ndarray) -> Fingerprint:
    """Take what tells the place of a micrograph from others.

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
        fingerprints: Of all micrographs.
        pairs: Indices of those to compare; of more than 10,000 pairs the nearest in order, as frames of a video are.

    Returns:
        The pairs that share a field, the most certain first.
    """
    comparable = [pair for pair in pairs if fingerprints[pair[0]].block_px == fingerprints[pair[1]].block_px]
    compared = sorted(comparable, key=lambda pair: abs(pair[0] - pair[1]))[:_MAX_PAIRS]
    spectra: dict[int, _Spectrum] = {}
    found = []
    for one, other in sorted(compared):
        spectra = {index: spectrum for index, spectrum in spectra.items() if index >= one}  # no earlier one comes again
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
    """Fourier spectra of a film with room for every shift, and how far its texture is correlated with itself."""

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
    """Shift in blocks at which two textures agree best, and how far that is from chance."""
    from scipy import fft

    products = fft.irfft2(np.conj(one.texture) * other.texture, _ROOM)
    shared = fft.irfft2(np.conj(one.known) * other.known, _ROOM)
    # Variance of a sum of products of unrelated values of variance 1: their number, and more where neighbours are
    # alike (Bartlett 1935).
    grain = max(1.0, float(np.sum(one.autocorrelation * other.autocorrelation)))
    significance = np.where(shared >= _MIN_SHARED_PX, products / np.sqrt(np.maximum(shared, 1) * grain), 0)
    row, column = (int(at) for at in np.unravel_index(np.argmax(significance), _ROOM))
    down, right = (at - 2 * _SIDE_PX if at >= _SIDE_PX else at for at in (row, column))
    return (down, right), float(significance[row, column])


def _share_particles(one: Fingerprint, other: Fingerprint, shift: tuple[int, int]) -> bool:
    """Whether the particles agree in the part of the field that both show, or there are none in it."""
    here, there = (tuple(slice(max(0, -sign * at), _SIDE_PX - max(0, sign * at)) for at in shift) for sign in (1, -1))
    first, second = one.particle[here], other.particle[there]
    marked = np.count_nonzero(first) + np.count_nonzero(second)
    return bool(2 * np.count_nonzero(first & second) >= _MIN_DICE * marked)
