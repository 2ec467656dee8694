"""Feret diameters: how wide a particle is between two parallel lines, at most and at least."""

import numpy as np


def feret_diameters(mask: np.ndarray) -> tuple[float, float]:
    """Greatest and least distance between two parallel lines that hold a particle between them.

    Pixels end half a pixel from their centres along rows and columns. Their corners are left out: with them, discs
    would come out half a pixel too wide.

    Args:
        mask: (h, w) bool, not empty.

    Returns:
        Greatest and least diameter [px].

    >>> feret_diameters(np.ones((3, 9), bool))[1]
    3.0
    """
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    rows, columns = np.nonzero(mask ^ _inner(mask))
    centres = np.stack([rows, columns], axis=1).astype(float)
    ends = np.concatenate([centres + step for step in ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5))])
    hull = ends[ConvexHull(ends).vertices]  # (n, 2), counterclockwise
    # The least width is found across one of the hull's edges (Shamos 1978).
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1, keepdims=True)
    widths = np.ptp(hull @ normals.T, axis=0)
    return float(pdist(hull).max()), round(float(widths.min()), 9)


def _inner(mask: np.ndarray) -> np.ndarray:
    """Pixels whose four neighbours are in the mask: they lie on no hull."""
    padded = np.pad(mask, 1)
    return mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
