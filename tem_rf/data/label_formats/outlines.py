"""Fill outlines drawn by hand."""

import numpy as np

# Below zero and beyond any image; keeps a damaged vertex from costing time or memory.
_FARTHEST_PX = 1e6


def fill_outline(mask: np.ndarray, xy: np.ndarray) -> None:
    """Set the pixels whose centres lie inside a polygon.

    Args:
        mask: (height, width) bool, changed in place.
        xy: (n, 2) vertices [px]; (0, 0) is the upper left corner of the image, as in ImageJ and COCO, so the centre of
            the first pixel lies at (0.5, 0.5).
    """
    from skimage.draw import polygon

    vertices = np.clip(np.nan_to_num(np.asarray(xy, np.float64)), -_FARTHEST_PX, _FARTHEST_PX)
    if len(vertices) >= 3:
        mask[polygon(vertices[:, 1] - 0.5, vertices[:, 0] - 0.5, mask.shape)] = True
