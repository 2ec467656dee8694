"""Reduce images to fewer pixels and enlarge them again, as binning and printing do."""

import numpy as np

RESAMPLING = ("box", "bilinear", "bicubic")
"""Filters: averages of pixels, as binning takes them, and the two interpolations that programs offer."""


def reduce_and_enlarge(image: np.ndarray, factor: float, *, down: str = "bilinear", up: str = "bicubic") -> np.ndarray:
    """Reduce an image and enlarge it to its size again; details smaller than two of the large pixels are lost.

    Args:
        image: (height, width).
        factor: How many times smaller each side becomes, at least 1; sides are rounded to whole pixels.
        down: Filter of `RESAMPLING` that reduces; each one averages over what becomes a pixel.
        up: Filter of `RESAMPLING` that enlarges; `box` shows the large pixels.

    Returns:
        (height, width) float32.
    """
    from PIL import Image

    height, width = image.shape
    small = Image.fromarray(np.ascontiguousarray(image, np.float32)).resize(
        (max(round(width / factor), 1), max(round(height / factor), 1)), Image.Resampling[down.upper()]
    )
    return np.asarray(small.resize((width, height), Image.Resampling[up.upper()]))
