"""Write TIFF files that open in Fiji with their scale."""

from collections.abc import Iterable
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


MAX_UINT16 = 2**16 - 1


def write_uint32_stack(
    path: Path, frames: Iterable[np.ndarray], shape: tuple[int, int, int], *, pixel_size_nm: float | None = None
) -> None:
    """Write numbers beyond 65,535 as TIFF, atomically. ImageJ shows them, with their scale, as 32-bit values.

    Args:
        path: File to write.
        frames: (height, width) uint32 each.
        shape: Number of frames, height and width.
        pixel_size_nm: Pixel size [nm]; None: no scale is written.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    import tifffile

    count = shape[0]
    stack = f"images={count}\nframes={count}\n" if count > 1 else ""
    unit = "" if pixel_size_nm is None else "unit=nm\n"
    options: dict[str, Any] = {"photometric": "minisblack", "metadata": None}
    if pixel_size_nm is not None:
        options |= {"resolution": (1 / pixel_size_nm, 1 / pixel_size_nm), "resolutionunit": "NONE"}
    is_big = 4 * shape[0] * shape[1] * shape[2] > MAX_IMAGEJ_BYTES
    with replacing_file(path) as beside, tifffile.TiffWriter(beside, bigtiff=is_big) as writer:
        for index, frame in enumerate(frames):
            description = f"ImageJ=1.54f\n{stack}{unit}" if index == 0 else None
            writer.write(np.asarray(frame, np.uint32), description=description, **options)


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
