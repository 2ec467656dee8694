"""The eight symmetries of the square, for augmentation of training patches."""

import numpy as np

TRANSFORMS = 8


def dihedral(images: np.ndarray, transform: int) -> np.ndarray:
    """Rotate and mirror images.

    Args:
        images: (..., height, width); transforms 1, 3, 5 and 7 exchange height and width.
        transform: 0 to 3: number of quarter turns counterclockwise; 4 to 7: mirrored left to right, then rotated.

    Returns:
        A view of the images.

    Raises:
        ValueError: No such transform.

    >>> dihedral(np.array([[1, 2], [3, 4]]), 1).tolist()
    [[2, 4], [1, 3]]

    Source: the order is that of the study's augmentation.
    """
    if not 0 <= transform < TRANSFORMS:
        raise ValueError(f"transform: expected 0 to {TRANSFORMS - 1}, received {transform}.")
    mirrored = images[..., ::-1] if transform >= 4 else images
    return np.rot90(mirrored, transform % 4, axes=(-2, -1))


def inverse_dihedral(images: np.ndarray, transform: int) -> np.ndarray:
    """Undo `dihedral` with the same transform number.

    Args:
        images: (..., height, width).
        transform: 0 to 7.

    Returns:
        A view of the images.

    >>> inverse_dihedral(dihedral(np.arange(6).reshape(2, 3), 5), 5).tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    # A mirrored turn is its own inverse; a plain turn is undone by completing the full turn.
    return dihedral(images, transform if transform >= 4 else -transform % 4)
