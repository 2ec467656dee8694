"""Palette images read as labels: whether the numbers or the colours mean something."""

import numpy as np

INVERTING_NOTE = "ImageJ's inverting LUT: its values were taken, not the colours that are shown"


def read_palette(indices: np.ndarray, palette: np.ndarray) -> tuple[np.ndarray, str]:
    """What a palette image says as a label.

    Grey palettes number the levels of ImageJ, and equal colours for different numbers leave only the numbers to tell
    classes apart; otherwise the colours are what somebody saw and chose.

    Args:
        indices: (height, width) uint8.
        palette: (n, 3 or 4) uint8, red, green, blue and perhaps opacity of each number.

    Returns:
        (height, width) numbers or (height, width, 3 or 4) colours, and a note, which may be empty.
    """
    used = np.flatnonzero(np.bincount(indices.ravel(), minlength=1))
    if used.max() >= len(palette):
        return indices, ""
    ramp = np.arange(len(palette))[:, None]
    if len(palette) > 2 and (palette[:, :3] == len(palette) - 1 - ramp).all():
        return indices, INVERTING_NOTE
    is_ramp = len(palette) > 2 and palette.shape[1] == 3 and (palette == ramp).all()
    colours = palette[used]
    if is_ramp or len(np.unique(colours, axis=0)) < len(used):
        return indices, ""
    return palette[indices], ""
