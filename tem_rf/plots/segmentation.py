"""Plots of segmentations, in colours that are distinct for colour-blind readers (Okabe and Ito 2008)."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.files import replacing_file
from tem_rf.metrics.boundary import boundary

if TYPE_CHECKING:
    from PIL.Image import Image

FALSE_NEGATIVE = (230, 159, 0)  # orange: particle in the label, not in the mask
FALSE_POSITIVE = (86, 180, 233)  # sky blue: particle in the mask, not in the label
OUTLINE = (255, 255, 255)
_NUMBER = (240, 228, 66)  # yellow
_OPACITY = 0.55
_SAMPLES = 2**16  # at least, for the percentiles of an image
_MIN_WIDTH_PX = 480  # needed by the legend


def write_overlay(
    path: Path,
    image: np.ndarray,
    mask: np.ndarray,
    label: np.ndarray | None = None,
    *,
    pixel_size_nm: float | None = None,
    texts: Sequence[tuple[str, float, float]] = (),
) -> None:
    """Write a micrograph with the outline of its mask and, given a label, its false negatives and false positives.

    Args:
        path: PNG file to write: the micrograph, enlarged by a whole number if it is small, and a legend.
        image: (h, w), any scale.
        mask: (h, w) bool.
        label: (h, w) bool, or None.
        pixel_size_nm: Pixel size [nm], for a scale bar.
        texts: Texts, each with the row and column of its centre [px].
    """
    from PIL import Image

    is_grey = label is None and not texts
    painted = Image.fromarray(_outlined(grey_levels(image), mask) if is_grey else overlay(image, mask, label))
    enlargement = -(-_MIN_WIDTH_PX // painted.width)
    painted = painted.resize((painted.width * enlargement, painted.height * enlargement), Image.Resampling.NEAREST)
    _write_texts(painted, [(text, y * enlargement, x * enlargement) for text, y, x in texts])
    pixel_size_nm = pixel_size_nm and pixel_size_nm / enlargement
    legend = _legend(painted.width, with_label=label is not None, pixel_size_nm=pixel_size_nm)
    picture = Image.new(painted.mode, (painted.width, painted.height + legend.height))
    picture.paste(painted, (0, 0))
    picture.paste(legend.convert(painted.mode), (0, painted.height))
    if is_grey:  # a palette of greys is written in half the time: each row is compressed in only one way
        picture.putpalette(bytes(level for level in range(256) for _ in range(3)))
    # Level 1 is 4 times faster than the default, and 8 % larger. Noise has no repetitions to look for.
    options = {"compress_type": zlib.Z_HUFFMAN_ONLY} if is_grey else {}
    with replacing_file(path) as beside:
        picture.save(beside, format="PNG", compress_level=1, **options)


def _write_texts(picture: "Image", texts: Sequence[tuple[str, float, float]]) -> None:
    """Write texts that are legible on dark and bright ground."""
    from PIL import ImageDraw, ImageFont

    size = max(10, picture.width // 80)
    font, draw = ImageFont.load_default(size), ImageDraw.Draw(picture)
    for text, y, x in texts:
        draw.text(
            (x, y), text, fill=_NUMBER, font=font, anchor="mm", stroke_width=max(1, size // 8), stroke_fill="black"
        )


def overlay(image: np.ndarray, mask: np.ndarray, label: np.ndarray | None = None) -> np.ndarray:
    """Paint outline and errors over a micrograph.

    Args:
        image: (h, w), any scale.
        mask: (h, w) bool.
        label: (h, w) bool, or None.

    Returns:
        (h, w, 3) uint8.
    """
    mask = np.asarray(mask, dtype=bool)
    painted = np.repeat(grey_levels(image)[..., None], 3, axis=-1)
    if label is not None:
        label = np.asarray(label, dtype=bool)
        for error, colour in ((label & ~mask, FALSE_NEGATIVE), (mask & ~label, FALSE_POSITIVE)):
            painted[error] = (1 - _OPACITY) * painted[error] + _OPACITY * np.array(colour)
    return _outlined(painted, mask)


def _outlined(painted: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Paint the outline of a mask in place, thick enough to be seen: (h, w) or (h, w, 3) uint8."""
    outline = boundary(mask)
    for _ in range(min(mask.shape) // 512):
        before = outline.copy()
        outline[1:] |= before[:-1]
        outline[:-1] |= before[1:]
        outline[:, 1:] |= before[:, :-1]
        outline[:, :-1] |= before[:, 1:]
    painted[outline] = OUTLINE[0]
    return painted


def grey_levels(image: np.ndarray) -> np.ndarray:
    """Stretch an image to 0..255 so that 1 % of the pixels saturate at each end.

    Args:
        image: (h, w), any scale.

    Returns:
        (h, w) uint8; black if the image is constant.
    """
    # A sample moves these levels by less than a level, and all pixels of 4096 x 4096 px take 0.2 s. The step is odd, so
    # that the samples move through the columns.
    step = image.size // _SAMPLES | 1
    low, high = map(float, np.percentile(image.ravel()[::step], (1, 99)))
    levels = image.astype(np.float32)
    levels -= low
    levels /= max((high - low) / 255, 1e-30)
    return np.clip(levels, 0, 255, out=levels).astype(np.uint8)


def scale_bar_nm(width_px: int, pixel_size_nm: float) -> float:
    """Length of a scale bar: 1, 2 or 5 times a power of ten, the longest that fits in a quarter of the width.

    >>> scale_bar_nm(512, 0.02)  # a quarter is 2.56 nm
    2.0
    """
    quarter = width_px * pixel_size_nm / 4
    decade = 10.0 ** np.floor(np.log10(quarter))
    return float(max(step * decade for step in (1, 2, 5) if step * decade <= quarter))


def _legend(width: int, *, with_label: bool, pixel_size_nm: float | None) -> "Image":
    """Strip that explains the colours, with a scale bar at its right end."""
    from PIL import Image, ImageDraw, ImageFont

    size = max(11, width // 40)  # height of the letters [px]
    strip = Image.new("RGB", (width, 2 * size), "black")
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(size)
    middle, x = size, size // 2
    entries = [("outline", OUTLINE)] + (
        [("false negative", FALSE_NEGATIVE), ("false positive", FALSE_POSITIVE)] if with_label else []
    )
    for text, colour in entries:
        draw.rectangle((x, middle - size // 2, x + size, middle + size // 2), fill=colour)
        draw.text((x + size * 3 // 2, middle), text, fill="white", font=font, anchor="lm")
        x += size * 5 // 2 + int(draw.textlength(text, font=font))
    if pixel_size_nm is not None:
        length_nm = scale_bar_nm(width, pixel_size_nm)
        right, left = width - size // 2, width - size // 2 - round(length_nm / pixel_size_nm)
        draw.rectangle((left, middle - size // 8, right, middle + size // 8), fill="white")
        draw.text((left - size // 2, middle), f"{length_nm:g} nm", fill="white", font=font, anchor="rm")
    return strip
