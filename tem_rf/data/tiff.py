"""Write TIFF files that Fiji opens with their scale."""

from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.files import replacing_file


def write_tiff(path: Path, image: np.ndarray, *, pixel_size_nm: float | None = None) -> None:
    """Write an image or a stack as an ImageJ TIFF, whole or not at all.

    Args:
        path: File to write.
        image: (height, width) or (n, height, width); bool becomes uint8 (0, 255), other types that ImageJ does
            not know become float32.
        pixel_size_nm: Side of a pixel [nm]; no scale is written where it is None.

    Raises:
        StorageError: The disk is full or the place cannot be written to.
    """
    import tifffile

    with replacing_file(path) as beside:
        tifffile.imwrite(beside, _imagej_dtype(image), **imagej_options(image.ndim, pixel_size_nm))


def imagej_options(dimensions: int, pixel_size_nm: float | None) -> dict[str, Any]:
    """Keyword arguments for tifffile that make an ImageJ file with a scale in nm.

    Args:
        dimensions: 2 for an image, 3 for a stack.
        pixel_size_nm: Side of a pixel [nm], or None.
    """
    options: dict[str, Any] = {"imagej": True, "metadata": {"axes": "YX" if dimensions == 2 else "TYX"}}
    if pixel_size_nm is not None:
        options["metadata"]["unit"] = "nm"
        options["resolution"] = (1 / pixel_size_nm, 1 / pixel_size_nm)
        options["resolutionunit"] = "NONE"
    return options


def _imagej_dtype(image: np.ndarray) -> np.ndarray:
    if image.dtype == bool:
        return image.astype(np.uint8) * np.uint8(255)
    if image.dtype in (np.uint8, np.uint16, np.float32):
        return image
    return image.astype(np.float32)
