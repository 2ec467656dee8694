"""Write TIFF files that open in Fiji with their scale."""

from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.files import replacing_file

MAX_IMAGEJ_BYTES = 2**32 - 2**16  # a classic TIFF counts the bytes of an image in 32 bits; a stack may be larger


def write_tiff(path: Path, image: np.ndarray, *, pixel_size_nm: float | None = None) -> None:
    """Write an image or stack as an ImageJ TIFF, atomically; an image above 4 GB as a BigTIFF.

    Args:
        path: File to write.
        image: (height, width) or (n, height, width); bool becomes uint8 (0, 255), other types not supported by ImageJ
            become float32.
        pixel_size_nm: Pixel size [nm]; None: no scale is written.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    import tifffile

    pixels = _imagej_dtype(image)
    is_big = pixels.ndim == 2 and pixels.nbytes > MAX_IMAGEJ_BYTES
    options = _bigtiff_options(pixel_size_nm) if is_big else imagej_options(image.ndim, pixel_size_nm)
    with replacing_file(path) as beside:
        tifffile.imwrite(beside, pixels, **options)


def imagej_options(dimensions: int, pixel_size_nm: float | None) -> dict[str, Any]:
    """Keyword arguments for tifffile that make an ImageJ file with a scale in nm.

    Args:
        dimensions: 2 for an image, 3 for a stack.
        pixel_size_nm: Pixel size [nm], or None.
    """
    options: dict[str, Any] = {"imagej": True, "metadata": {"axes": "YX" if dimensions == 2 else "TYX"}}
    if pixel_size_nm is not None:
        options["metadata"]["unit"] = "nm"
        options["resolution"] = (1 / pixel_size_nm, 1 / pixel_size_nm)
        options["resolutionunit"] = "NONE"
    return options


def _bigtiff_options(pixel_size_nm: float | None) -> dict[str, Any]:
    """OME metadata, in which Fiji finds the scale of a BigTIFF."""
    scale: dict[str, Any] = {}
    for axis in "XY" if pixel_size_nm is not None else "":
        scale |= {f"PhysicalSize{axis}": pixel_size_nm, f"PhysicalSize{axis}Unit": "nm"}
    return {"bigtiff": True, "ome": True, "metadata": {"axes": "YX", **scale}}


def _imagej_dtype(image: np.ndarray) -> np.ndarray:
    if image.dtype == bool:
        return image.astype(np.uint8) * np.uint8(255)
    if image.dtype in (np.uint8, np.uint16, np.float32):
        return image
    return image.astype(np.float32)
