"""Which patches to label next: those on which networks disagree, and that are unlike what is labelled."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

_SCALES_PX = (1, 2, 4, 8)
_BLOCK_PX = 4
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
_QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)


def describe_patch(image: np.ndarray, particle_fraction: float) -> np.ndarray:
    """Numbers by which patches are compared: grey levels, texture at several scales, and coverage.

    Args:
        image: (height, width) float32, in robust normalization, so that the numbers do not move with the exposure.
        particle_fraction: Fraction of particle pixels, labelled or found by a network.

    Returns:
        (13,) float64.
    """
    from scipy import ndimage

    block = min(_BLOCK_PX, *image.shape)
    rows, columns = (length // block for length in image.shape)
    blocks = image[: rows * block, : columns * block].reshape(rows, block, columns, block).mean(axis=(1, 3))
    levels = np.quantile(blocks, _QUANTILES)
    smooth = [image, *(ndimage.gaussian_filter(image, scale) for scale in _SCALES_PX)]
    textures = [np.log(max(float((fine - coarse).std()), 1e-6)) for fine, coarse in pairwise(smooth)]
    return np.array([*levels, float(blocks.std()), *textures, particle_fraction])


def select_patches(
    disagreements: np.ndarray, descriptions: np.ndarray, labelled: np.ndarray, count: int
) -> list[tuple[int, float, float]]:
    """Select patches one by one; each next one is compared with those selected before, so that none repeats another.

    Args:
        disagreements: (n,) disagreement of the networks on each candidate.
        descriptions: (n, d) from `describe_patch`.
        labelled: (m, d) of the labelled patches; (0, 0) if there are none.
        count: Number of patches.

    Returns:
        Index, rank of the disagreement and rank of the unlikeness, both from 0 to 1; the most useful first.
    """
    number = len(disagreements)
    known = np.concatenate([labelled, descriptions]) if len(labelled) else descriptions
    spread = np.maximum(known.std(axis=0), 1e-9)
    candidates = descriptions / spread
    nearest = np.full(number, np.inf)
    for one in labelled:
        nearest = np.minimum(nearest, np.linalg.norm(candidates - one / spread, axis=1))
    surprise = _ranks(disagreements)
    selected: list[tuple[int, float, float]] = []
    left = np.ones(number, bool)
    for _ in range(min(count, number)):
        unlike = _ranks(nearest) if np.isfinite(nearest).all() else np.zeros(number)
        best = int(np.argmax(np.where(left, surprise + unlike, -1.0)))
        selected.append((best, float(surprise[best]), float(unlike[best])))
        left[best] = False
        nearest = np.minimum(nearest, np.linalg.norm(candidates - candidates[best], axis=1))
    return selected


def expected_gain(history: Sequence[tuple[int, float]], more: int) -> float | None:
    """Gain in dice by more labelled patches: error = a * n^-b through the history, by least squares of the logarithms.

    Args:
        history: Number of training patches and hard dice of each earlier training.
        more: Number of additional patches.

    Returns:
        The gain over the dice expected now; None with fewer than two different numbers of patches.

    >>> round(expected_gain([(10, 0.8), (20, 0.9)], 20), 3)  # the error halves when the patches double
    0.05
    """
    sizes = np.array([size for size, _ in history], float)
    if len(set(sizes.tolist())) < 2:
        return None
    errors = np.maximum(1 - np.array([dice for _, dice in history]), 1e-4)
    slope, intercept = np.polyfit(np.log(sizes), np.log(errors), 1)

    def error(size: float) -> float:
        return float(np.exp(intercept + min(slope, 0.0) * np.log(size)))

    return error(sizes.max()) - error(sizes.max() + more)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each value from 0, the smallest, to 1; equal values share their mean rank."""
    ordered = np.sort(values)
    below, up_to = (np.searchsorted(ordered, values, side) for side in _SIDES)
    return np.asarray((below + up_to - 1) / 2 / max(1, len(values) - 1))
