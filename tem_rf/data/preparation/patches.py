"""Cut micrographs into patches."""

import numpy as np

from tem_rf.errors import DatasetError


def cut_patches(image: np.ndarray, patch_size: int) -> np.ndarray:
    """Cut an image into non-overlapping square patches. The remainder at the right and bottom is left out.

    Args:
        image: (height, width).
        patch_size: Patch size [px].

    Returns:
        (rows, columns, patch_size, patch_size), a view.

    Raises:
        DatasetError: The image is smaller than one patch.

    Source: Sytwu et al. 2022, "Dataset Creation".
    """
    height, width = image.shape
    rows, columns = height // patch_size, width // patch_size
    if not rows * columns:
        raise DatasetError(
            f"the image is {width} x {height} px, smaller than a patch of {patch_size} px; "
            f"choose `patch_size` {max(8, min(height, width) // 8 * 8)} or less, or leave the image out."
        )
    whole = image[: rows * patch_size, : columns * patch_size]
    # (h, w) -> (rows, patch, columns, patch) -> (rows, columns, patch, patch)
    return whole.reshape(rows, patch_size, columns, patch_size).swapaxes(1, 2)


def count_left_out(shape: tuple[int, int], patch_size: int) -> int:
    """Number of pixels of an image that are in no patch.

    >>> count_left_out((10, 13), 5)
    30
    """
    height, width = shape
    return height * width - (height // patch_size) * (width // patch_size) * patch_size**2
