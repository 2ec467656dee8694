"""Convert the content of a file to a plain image: grey, finite, with square pixels."""

from pathlib import Path

import numpy as np

from tem_rf.errors import ReadError

# Damage makes single floats huge; no detector counts that far, and the square of such a value overflows float32.
_LARGEST_VALUE = 1e15
# Beyond this ratio the two sides of a pixel are not plausible.
_LARGEST_ASPECT = 16


def turn_grey(frame: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Convert colour to grey, booleans to 0 and 1, and bytes to the native order.

    Args:
        frame: (height, width), or (height, width, 2 to 4), whose last channel is alpha if there are 2 or 4.

    Returns:
        (height, width) image, and notes about the conversion.
    """
    notes: tuple[str, ...] = ()
    if frame.ndim == 3:
        colour = frame[..., :3] if frame.shape[2] >= 3 else frame[..., :1]
        if (colour == colour[..., :1]).all():
            frame, notes = colour[..., 0], ("its colour channels are equal; one was used",)
        else:
            grey = colour @ np.array([0.299, 0.587, 0.114], np.float32)  # luminance, ITU-R BT.601
            frame = np.rint(grey).astype(frame.dtype) if frame.dtype.kind in "ui" else grey
            notes = ("RGB converted to grey",)
    dtype = np.dtype(np.uint8) if frame.dtype == bool else frame.dtype.newbyteorder("=")
    return np.ascontiguousarray(frame, dtype=dtype), notes


def check_pixels(path: Path, pixels: np.ndarray) -> None:
    """Reject an image without pixels, or with values that no detector produces.

    Raises:
        ReadError: No pixels; not real numbers; NaN, infinite or absurdly large values.
    """
    if pixels.size == 0:
        raise ReadError(f"{path}: holds no pixels (shape {pixels.shape}); copy it again or leave it out.")
    if pixels.dtype.kind not in "uif":
        raise ReadError(f"{path}: pixels are {pixels.dtype}; expected integers or floats, save it as a grey image.")
    if pixels.dtype.kind != "f":
        return
    if not np.isfinite(pixels).all():
        bad = pixels.size - int(np.isfinite(pixels).sum())
        raise ReadError(
            f"{path}: {bad} of {pixels.size} pixels are NaN or infinite; expected finite values, "
            "replace them (for example by the median of their neighbours) or leave the image out."
        )
    largest = float(max(pixels.max(), -pixels.min()))
    if largest > _LARGEST_VALUE:
        raise ReadError(
            f"{path}: has values up to {largest:.1e}, which no detector produces; the file is damaged, copy it again."
        )


def resample_mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resample a mask to the pixels of an image that was resampled or rescaled, by nearest neighbour.

    Args:
        mask: (height, width) bool, or int for numbered particles.
        shape: Height and width of the result.

    Returns:
        (height', width') of the same type.
    """
    rows, columns = (
        np.minimum(((np.arange(wanted) + 0.5) * given / wanted).astype(int), given - 1)
        for wanted, given in zip(shape, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def make_square(path: Path, pixels: np.ndarray, sides_nm: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Resample an image to square pixels by linear interpolation, with the smaller of its two sides.

    Args:
        path: The file, for the error.
        pixels: (height, width) image.
        sides_nm: Height and width of a pixel [nm].

    Returns:
        (height', width') float32, and its pixel size [nm].

    Raises:
        ReadError: One side is more than 16 times the other.
    """
    from skimage.transform import resize

    side = min(sides_nm)
    if max(sides_nm) > _LARGEST_ASPECT * side:
        raise ReadError(
            f"{path}: pixels {sides_nm[0]:.5g} nm high and {sides_nm[1]:.5g} nm wide are not plausible; "
            "give the pixel size by hand."
        )
    shape = tuple(max(1, round(count * length / side)) for count, length in zip(pixels.shape, sides_nm, strict=True))
    return resize(pixels.astype(np.float32), shape, order=1, mode="edge", preserve_range=True), side
