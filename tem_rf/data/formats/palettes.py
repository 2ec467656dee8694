"""Palette images as labels: decide whether the indices or the colours carry the meaning."""

import numpy as np

INVERTING_NOTE = "ImageJ's inverting LUT: its values were used, not the displayed colours"


def read_palette(indices: np.ndarray, palette: np.ndarray) -> tuple[np.ndarray, str]:
    """Values of a palette image as a label.

    Grey palettes contain the levels of ImageJ, and if several indices have the same colour, only the indices can tell
    classes apart. Otherwise the colours are what the annotator saw and chose.

    Args:
        indices: (height, width) uint8.
        palette: (n, 3 or 4) uint8, red, green, blue and possibly opacity of each index.

    Returns:
        (height, width) indices or (height, width, 3 or 4) colours, and a note, which may be empty.
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
