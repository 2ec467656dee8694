"""X-ray outliers: single detector pixels that x-rays made far brighter than electrons can."""

import numpy as np

from tem_rf.data.scratch import bands
from tem_rf.errors import TooManyOutliersError

PASSES = 2
# X-rays hit a few pixels in a million; a threshold that marks more than this cuts into the image itself.
MAX_OUTLIER_FRACTION = 0.002
FEW_BELOW_ZERO = 0.01
_SAMPLE_STEP = 101  # a prime, so that the samples move through the columns


def holds_counts(pixels: np.ndarray) -> bool:
    """Whether pixels are detector counts, for which a threshold in counts is meaningful.

    8-bit images were rescaled for display. If more than 1 % of the pixels are below zero, a mean was subtracted:
    setting those to zero, as the removal of outliers does, would destroy the image.
    """
    if pixels.dtype.itemsize == 1:
        return False
    return pixels.dtype.kind == "u" or bool(np.count_nonzero(pixels < 0) <= FEW_BELOW_ZERO * pixels.size)


def remove_xray_outliers(image: np.ndarray, threshold: float) -> int:
    """Replace pixels far above the median, in place. Counts below zero become zero first.

    Brightest first, each pixel above median + threshold becomes the current mean of its eight neighbours (on the
    border, the current mean of the image). All of this is done twice, for adjacent outliers.

    Args:
        image: (height, width) float32 counts.
        threshold: Counts above the median.

    Returns:
        Number of pixels replaced.

    Raises:
        TooManyOutliersError: More than 0.2 % of the pixels are above the threshold, so they are not outliers.

    Source: Sytwu et al. 2022, "Dataset Creation".
    """
    replaced: set[tuple[int, int]] = set()
    for _ in range(PASSES):
        places = _outliers(image, threshold)
        if not len(places):
            break
        _replace(image, places)
        replaced.update(map(tuple, places.tolist()))
    return len(replaced)


def _outliers(image: np.ndarray, threshold: float) -> np.ndarray:
    """(n, 2) row and column of the pixels above the threshold, brightest first; counts below zero become zero first."""
    # The median is at least the minimum. For most images this check is sufficient, in a tenth of the time.
    low, high = np.inf, -np.inf
    for band in bands(len(image)):
        np.maximum(image[band], 0, out=image[band])
        low, high = min(low, image[band].min()), max(high, image[band].max())
    if high <= low + threshold:
        return np.empty((0, 2), int)
    found = _above(image, exact_median(image) + threshold)
    if len(found) > MAX_OUTLIER_FRACTION * image.size:
        raise TooManyOutliersError(
            f"`xray_threshold` {threshold:g} counts: marks {len(found) / image.size:.1%} of the pixels as x-ray "
            f"outliers, expected at most {MAX_OUTLIER_FRACTION:.1%}; raise it, or give 0 to keep outliers."
        )
    brightest_first = found[np.argsort(-image.ravel()[found], kind="stable")]
    return np.column_stack(np.unravel_index(brightest_first, image.shape))


def _above(image: np.ndarray, limit: float) -> np.ndarray:
    """(n,) flat indices of the pixels above a limit."""
    parts = [np.flatnonzero(image[band] > limit) + band.start * image.shape[1] for band in bands(len(image))]
    return np.concatenate(parts)


def exact_median(image: np.ndarray) -> float:
    """Median of an image, equal to NumPy's, in a fraction of the time.

    A sample gives two bounds of the median; only the pixels between them are sorted.

    >>> exact_median(np.array([[3, 1], [8, 2]]))
    2.5
    """
    low, high = np.quantile(image.ravel()[::_SAMPLE_STEP], (0.48, 0.52))
    below, parts = 0, []
    for band in bands(len(image)):
        values = image[band]
        below += int(np.count_nonzero(values < low))
        parts.append(values[(values >= low) & (values <= high)])
    between = np.concatenate(parts)
    middle = np.array([(image.size - 1) // 2, image.size // 2]) - below
    if middle[0] < 0 or middle[1] >= len(between):
        return float(np.median(image))
    return float(np.partition(between, middle)[middle].mean(dtype=np.float64))


def _replace(image: np.ndarray, places: np.ndarray) -> None:
    if not len(places):
        return
    total = image.sum(dtype=np.float64)
    for row, column in places:
        before = float(image[row, column])
        if 0 < row < image.shape[0] - 1 and 0 < column < image.shape[1] - 1:
            around = image[row - 1 : row + 2, column - 1 : column + 2].sum(dtype=np.float64)
            image[row, column] = (around - before) / 8
        else:
            image[row, column] = total / image.size
        total += float(image[row, column]) - before
