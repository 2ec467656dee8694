"""Preprocess a whole micrograph before it is cut or segmented: outliers, illumination, scale, normalization."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.config.preparation import Normalization, PreprocessingSettings
from tem_rf.data.scratch import bands, scratch_array
from tem_rf.data.xray import holds_counts, remove_xray_outliers
from tem_rf.errors import DatasetError, SettingsError, TooManyOutliersError

PERCENTILES = (1, 99)
BLOCK_PX = 8  # noise and lattice fringes average out over a block
BLOCK_PERCENTILES = (0.3, 99.7)
MAX_ENLARGEMENT = 16


@dataclass(frozen=True)
class Preprocessed:
    """A micrograph ready for a network, and the parameters of its preprocessing.

    Attributes:
        image: (height, width) float32, normalized: (counts - offset) / scale.
        pixel_size_nm: Pixel size [nm], after rescaling; None: not known.
        xray_threshold: Counts above the median from which pixels were replaced; None: the step was skipped.
        outliers_replaced: Number of pixels replaced.
        has_too_many_outliers: Whether the threshold marked so many pixels that they were kept.
        offset: Subtracted to normalize: the mean, for standard normalization.
        scale: Divided by to normalize: the standard deviation, for standard normalization.
        mean: Mean counts before normalization.
        sd: Standard deviation of the counts before normalization.
        robust: Offset and scale of robust normalization; None if they were not measured.
        has_all_counts: Whether `mean` and `sd` are those of the micrograph as recorded, since nothing was replaced or
            rescaled.
    """

    image: np.ndarray
    pixel_size_nm: float | None
    xray_threshold: float | None
    outliers_replaced: int
    offset: float
    scale: float
    mean: float
    sd: float
    robust: tuple[float, float] | None
    has_too_many_outliers: bool = False
    has_all_counts: bool = False


def preprocess(
    pixels: np.ndarray,
    settings: PreprocessingSettings,
    *,
    pixel_size_nm: float | None = None,
    scratch: Path | None = None,
    leaves_many_outliers: bool = False,
    measures_robust: bool = True,
) -> Preprocessed:
    """Prepare a micrograph for a network.

    X-ray outliers are replaced only if the image contains counts: neither in 8-bit images, whose scale is arbitrary,
    nor in images that were already normalized (see `holds_counts`).

    Args:
        pixels: (height, width) counts.
        settings: The preprocessing settings.
        pixel_size_nm: Pixel size [nm]; needed to rescale.
        scratch: Folder for an image too large for memory; None keeps all images in memory.
        leaves_many_outliers: Keep outliers if the threshold marks far more pixels than x-rays hit; otherwise that is an
            error.
        measures_robust: Measure the levels of robust normalization even if they are not used.

    Raises:
        DatasetError: The image is constant, or cannot be corrected.
        TooManyOutliersError: The x-ray threshold marks far more pixels than x-rays hit.
        SettingsError: Rescaling without a pixel size, or by far too much.
    """
    image = scratch_array(pixels.shape, np.float32, scratch)
    image[...] = pixels
    threshold = settings.xray_threshold if holds_counts(pixels) else None
    replaced, has_too_many = 0, False
    if threshold is not None:
        try:
            replaced = remove_xray_outliers(image, threshold)
        except TooManyOutliersError:
            if not leaves_many_outliers:
                raise
            has_too_many = True
    if settings.flat_field_px is not None:
        _flatten_illumination(image, settings.flat_field_px)
    if settings.target_pixel_size_nm is not None:
        image = rescale(image, pixel_size_nm, settings.target_pixel_size_nm)
        pixel_size_nm = settings.target_pixel_size_nm
    mean, sd = mean_and_sd(image)
    robust = robust_levels(image) if measures_robust or settings.normalization == "robust" else None
    known = {"standard": (mean, sd), "robust": robust}
    offset, scale = known.get(settings.normalization) or _range(image, settings.normalization)
    _normalize(image, offset, scale)
    is_corrected = settings.flat_field_px is not None or settings.target_pixel_size_nm is not None or replaced > 0
    has_all_counts = pixels.dtype in (np.uint8, np.uint16) and not is_corrected  # float32 holds them without rounding
    return Preprocessed(
        image, pixel_size_nm, threshold, replaced, offset, scale, mean, sd, robust, has_too_many, has_all_counts
    )


def normalize_micrograph(
    image: np.ndarray,
    settings: PreprocessingSettings,
    *,
    pixel_size_nm: float | None = None,
    scratch: Path | None = None,
) -> np.ndarray:
    """Preprocess a new micrograph like those of the dataset.

    X-ray outliers are kept if the threshold of the dataset marks so many pixels that this detector must have another
    scale of counts.

    Args:
        image: (height, width) counts.
        settings: Settings of the dataset: `dataset.manifest.settings`.
        pixel_size_nm: Pixel size [nm]; needed if the dataset was rescaled.
        scratch: As for `preprocess`.

    Returns:
        (height, width) float32; of another size if the dataset was rescaled.

    Raises:
        DatasetError: As for `preprocess`.
        SettingsError: As for `preprocess`, except for the outliers.
    """
    return preprocess(image, settings, pixel_size_nm=pixel_size_nm, scratch=scratch, leaves_many_outliers=True).image


def rescale(image: np.ndarray, pixel_size_nm: float | None, target_nm: float) -> np.ndarray:
    """Resample an image to another pixel size, with a low-pass filter if it shrinks.

    Args:
        image: (height, width) float32.
        pixel_size_nm: Its pixel size [nm].
        target_nm: The new pixel size [nm].

    Raises:
        SettingsError: The pixel size is not known.
    """
    from skimage.transform import resize

    if pixel_size_nm is None:
        raise SettingsError(
            "`target_pixel_size_nm`: expected a micrograph with a pixel size, received one without; "
            "give `pixel_size_nm`, or omit the rescaling."
        )
    if pixel_size_nm > MAX_ENLARGEMENT * target_nm:
        raise SettingsError(
            f"`target_pixel_size_nm`: from {pixel_size_nm:g} nm to {target_nm:g} nm per pixel is an enlargement by "
            f"more than {MAX_ENLARGEMENT} times; is one of the pixel sizes wrong? Correct it with `pixel_size_nm`."
        )
    shape = tuple(max(1, round(length * pixel_size_nm / target_nm)) for length in image.shape)
    if shape == image.shape:
        return image
    return resize(image, shape, order=1, mode="edge", anti_aliasing=target_nm > pixel_size_nm, preserve_range=True)


def _flatten_illumination(image: np.ndarray, width_px: float) -> None:
    """Divide by a Gaussian average of the image, in place, keeping its mean."""
    from scipy import ndimage
    from skimage.transform import downscale_local_mean, resize

    # A background this smooth loses nothing on a grid of an eighth of its width, and takes 64 times less computation.
    step = max(1, int(width_px // 8))
    coarse = ndimage.gaussian_filter(downscale_local_mean(_padded(image, step), (step, step)), width_px / step)
    whole = tuple(length * step for length in coarse.shape)
    background = resize(coarse, whole, order=1, mode="edge", preserve_range=True)[: image.shape[0], : image.shape[1]]
    if background.min() <= 0:
        raise DatasetError(
            f"flat field: expected counts above zero, found a background of {background.min():.3g}; "
            "omit `flat_field_px` for images that were already normalized."
        )
    image *= (background.mean() / background).astype(np.float32)


def _padded(image: np.ndarray, step: int) -> np.ndarray:
    return np.pad(image, [(0, -length % step) for length in image.shape], mode="edge")


def robust_levels(image: np.ndarray) -> tuple[float, float]:
    """Offset and scale that place the darkest areas of an image at -1 and its brightest at 1.

    One of the two is film and the other particle, on whatever share of the image, so the levels hardly move with the
    coverage; mean and standard deviation do (docs/experiments.md, "Coverage"). Areas are blocks of 8 px; the remainder
    at the right and bottom, which fills no block, is left out.

    Args:
        image: (height, width) float32.
    """
    block = min(BLOCK_PX, *image.shape)
    rows, columns = (length // block for length in image.shape)
    whole = image[: rows * block, : columns * block].reshape(rows, block, columns, block)
    low, high = map(float, np.percentile(whole.mean(axis=(1, 3), dtype=np.float64), BLOCK_PERCENTILES))
    return (low + high) / 2, (high - low) / 2


def _range(image: np.ndarray, normalization: Normalization) -> tuple[float, float]:
    """Start and width of the range that becomes 0 to 1."""
    low, high = np.percentile(image, PERCENTILES) if normalization == "percentile" else (image.min(), image.max())
    return float(low), float(high) - float(low)


def _normalize(image: np.ndarray, offset: float, scale: float) -> None:
    """Normalize in place."""
    # Below this the spread is rounding of float32, not an image.
    if scale <= 1e-6 * max(abs(offset), 1e-30):
        raise DatasetError(
            f"the image is constant (every pixel about {offset:g}); expected a micrograph, leave it out or record it "
            "again."
        )
    for band in bands(len(image)):  # in the cache of the processor
        image[band] -= np.float32(offset)
        image[band] /= np.float32(scale)


def mean_and_sd(image: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation in float64, needed for sums of millions of counts, a band of rows at a time."""
    mean = sum(image[band].sum(dtype=np.float64) for band in bands(len(image))) / image.size
    square = sum(_square_deviations(image[band], mean) for band in bands(len(image))) / image.size
    return float(mean), float(np.sqrt(square))


def _square_deviations(image: np.ndarray, mean: float) -> float:
    deviations = image.astype(np.float64)
    deviations -= mean
    return float(np.square(deviations, out=deviations).sum())
