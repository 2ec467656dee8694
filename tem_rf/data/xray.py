"""X-ray outliers: single detector pixels that an x-ray made far brighter than any electrons could."""

import numpy as np

from tem_rf.data.scratch import bands
from tem_rf.errors import TooManyOutliersError

PASSES = 2
# X-rays hit a few pixels of a million; a threshold that marks more than this cuts into the image itself.
MAX_OUTLIER_FRACTION = 0.002
FEW_BELOW_ZERO = 0.01
_SAMPLE_STEP = 101  # a prime: it walks through the columns


def holds_counts(pixels: np.ndarray) -> bool:
    """Whether pixels are detector counts, in which a threshold in counts means something.

    8-bit images were scaled for the eye. Where more than one pixel in a hundred lies below zero, a mean was
    subtracted: setting those to zero, as the removal of outliers does, would destroy the image.
    """
    if pixels.dtype.itemsize == 1:
        return False
    return pixels.dtype.kind == "u" or bool(np.count_nonzero(pixels < 0) <= FEW_BELOW_ZERO * pixels.size)


def remove_xray_outliers(image: np.ndarray, threshold: float) -> int:
    """Replace, in place, pixels far above the median; counts below zero become zero first.

    Brightest first, each pixel above median + threshold becomes the mean of its eight neighbours as they then stand
    (on the border, the mean of the image as it then stands). All of it is done twice, for spikes that touch.

    Args:
        image: (height, width) float32 counts.
        threshold: Counts above the median.

    Returns:
        Pixels replaced.

    Raises:
        TooManyOutliersError: More than two pixels in a thousand lie above the threshold: they are no outliers.

    Source: Sytwu et al. 2022, "Dataset Creation".
    """
    np.maximum(image, 0, out=image)
    replaced: set[tuple[int, int]] = set()
    for _ in range(PASSES):
        places = _outliers(image, threshold)
        _replace(image, places)
        replaced.update(map(tuple, places.tolist()))
    return len(replaced)


def _outliers(image: np.ndarray, threshold: float) -> np.ndarray:
    """(n, 2) row and column of the pixels above the threshold, brightest first."""
    # The median is at least the minimum: most images are done with here, in a tenth of the time.
    if image.max() <= image.min() + threshold:
        return np.empty((0, 2), int)
    found = _above(image, exact_median(image) + threshold)
    if len(found) > MAX_OUTLIER_FRACTION * image.size:
        raise TooManyOutliersError(
            f"`xray_threshold` {threshold:g} counts: marks {len(found) / image.size:.1%} of the pixels as x-ray "
            f"outliers, expected at most {MAX_OUTLIER_FRACTION:.1%}; raise it, or give 0 to leave outliers in."
        )
    brightest_first = found[np.argsort(-image.ravel()[found], kind="stable")]
    return np.column_stack(np.unravel_index(brightest_first, image.shape))


def _above(image: np.ndarray, limit: float) -> np.ndarray:
    """(n,) flat indices of the pixels above a limit."""
    parts = [np.flatnonzero(image[band] > limit) + band.start * image.shape[1] for band in bands(len(image))]
    return np.concatenate(parts)


def exact_median(image: np.ndarray) -> float:
    """Median of an image, as NumPy gives it, in a fraction of the time.

    A sample says between which two values the median lies; only the pixels between them are sorted.

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
