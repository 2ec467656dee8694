"""What every format gives: frames that are read one at a time, and the size of a pixel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.scratch import held_or_mapped
from tem_rf.errors import ReadError

# Deflate, the densest coding met here, cannot shrink data by more than 1032; a header that claims more lies.
_LARGEST_COMPRESSION = 1100


@dataclass(frozen=True)
class Recording:
    """An open file: `count` frames of one shape.

    Attributes:
        count: Number of frames.
        read_frame: Reads frame 0, 1, ... in this order, (height, width) or (height, width, channels).
        pixel_sides_nm: Height and width of a pixel [nm], or None where the file says neither.
        notes: What the user should know about the reading.
        metadata: What else the file says, as plain JSON types.
        frame_interval_s: Time between frames [s], or None where the file does not say it.
        remarks: What the parser has said on the side so far; reading a frame may add to it.
    """

    count: int
    read_frame: Callable[[int], np.ndarray]
    pixel_sides_nm: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    frame_interval_s: float | None = None
    remarks: Sequence[str] = ()


def frame_layout(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, name: str = "the array"
) -> tuple[int, tuple[int, ...]]:
    """Number of frames in an array, and the shape of one.

    Args:
        path: The file, for the error.
        shape: (h, w), (n, h, w), (n, h, w, up to 4 channels), (h, w, 1), or (h, w, 3 or 4) of uint8, which is colour.
        dtype: Type of the array.
        name: What the array is called in the file, for the error.

    Raises:
        ReadError: The shape or type is not that of an image or a stack.
    """
    if dtype.kind not in "buif":
        raise ReadError(f"{path}: {name} holds {dtype}, not real numbers; save the image as integers or floats.")
    match shape:
        case (_, _):
            return 1, shape
        case (_, _, 3 | 4) if dtype == np.uint8 and min(shape[:2]) > 4:
            return 1, shape
        case (_, _, 1):
            return 1, shape[:2]
        case (count, _, _) | (count, _, _, 1):
            return count, shape[1:3]
        case (count, _, _, 2 | 3 | 4):
            return count, shape[1:]
    raise ReadError(
        f"{path}: {name} has shape {shape}; expected an image (height, width) or a stack (frames, height, width)."
    )


def frames_of(path: Path, array: Any, name: str = "the array") -> tuple[int, Callable[[int], np.ndarray]]:
    """Number of frames and reader of a sliceable array: memmap, HDF5 dataset, dask array.

    Raises:
        ReadError: The shape or type is not that of an image or a stack.
    """
    count, shape = frame_layout(path, tuple(map(int, array.shape)), np.dtype(array.dtype), name)
    return count, lambda index: held_or_mapped(array[...] if count == 1 else array[index]).reshape(shape)


def check_claimed_size(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, stored_bytes: int, compressed: bool
) -> None:
    """Refuse a header that claims more data than the file can hold, before anything is allocated.

    Args:
        path: The file, for the error.
        shape: Shape the header claims.
        dtype: Type the header claims.
        stored_bytes: Bytes that are there.
        compressed: Whether those bytes are compressed.

    Raises:
        ReadError: The claim cannot be true.
    """
    claimed = prod(map(int, shape)) * dtype.itemsize  # Python integers: no overflow
    if claimed > stored_bytes * (_LARGEST_COMPRESSION if compressed else 1):
        raise ReadError(
            f"{path}: the header claims {claimed} bytes of pixels, the file holds {stored_bytes}; "
            "it is truncated or damaged, copy it again from the microscope."
        )
    if claimed == 0:
        raise ReadError(f"{path}: holds no pixels (shape {tuple(shape)}); copy it again or leave it out.")
