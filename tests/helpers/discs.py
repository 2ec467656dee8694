"""Masks of discs drawn by hand."""

import numpy as np


def discs(shape: tuple[int, ...], *circles: tuple[float, float, float]) -> np.ndarray:
    """A mask of discs, each (row, column, radius)."""
    rows, columns = np.indices(shape)
    inside = [(rows - row) ** 2 + (columns - column) ** 2 <= radius**2 for row, column, radius in circles]
    return np.any([np.zeros(shape, bool), *inside], axis=0)
