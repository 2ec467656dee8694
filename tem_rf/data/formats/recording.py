"""The common result of all formats: frames that are read one at a time, and the pixel size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.scratch import held_or_mapped
from tem_rf.errors import ReadError

IMAGE_NAMES = ("images", "image", "data", "arr_0")
LABEL_NAMES = ("labels", "label", "masks", "mask", "maps")

# Deflate, the strongest compression used here, shrinks data by at most 1032; a larger claim is false.
_LARGEST_COMPRESSION = 1100
_COLOURS = (3, 4)  # red, green, blue, and possibly opacity
_MOST_CHANNELS = 4  # maximum length of a last axis that counts as channels if nothing else is known


@dataclass(frozen=True)
class Wanted:
    """The array to look for in a file.

    Attributes:
        array: Name or path of the array in files that hold several; None: choose by `names`.
        names: Usual names of such an array, the most likely first.
        as_label: Whether values matter, as in a mask, rather than the displayed image.
        frame_shape: Height and width of a frame if known, to tell frames from channels.
    """

    array: str | None = None
    names: tuple[str, ...] = IMAGE_NAMES
    as_label: bool = False
    frame_shape: tuple[int, int] | None = None

    @property
    def setting(self) -> str:
        """The setting that names an array."""
        return "label_array" if self.as_label else "array"


MICROGRAPH = Wanted()


@dataclass(frozen=True)
class Recording:
    """An open file: `count` frames of one shape.

    Attributes:
        count: Number of frames.
        read_frame: Reads frame 0, 1, ... in this order, (height, width) or (height, width, channels or colours).
        pixel_sides_nm: Height and width of a pixel [nm], or None if the file has no pixel size.
        notes: Notes for the user about the reading.
        metadata: Other metadata of the file, as plain JSON types.
        frame_interval_s: Time between frames [s], or None if the file does not contain it.
        remarks: Warnings and log messages of the parser so far; reading a frame may add to them.
        channels: Number of images of the same area in the last axis of a frame, for example from several detectors;
            0: the frame is one image, grey or colour.
        channel_names: Names of the channels; empty if the file does not contain them.
        is_lossy: Whether the pixels were compressed with loss, which blurs edges.
    """

    count: int
    read_frame: Callable[[int], np.ndarray]
    pixel_sides_nm: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    frame_interval_s: float | None = None
    remarks: Sequence[str] = ()
    channels: int = 0
    channel_names: tuple[str, ...] = ()
    is_lossy: bool = False


@dataclass(frozen=True)
class Layout:
    """Arrangement of the frames in an array.

    Attributes:
        count: Number of frames, one block after the other.
        block: Shape of a block.
        channels: Channels in a frame; 0: it is one image, grey or colour.
        channels_first: Whether the channel axis comes before the rows.
    """

    count: int
    block: tuple[int, ...]
    channels: int = 0
    channels_first: bool = False

    def frame(self, block: np.ndarray) -> np.ndarray:
        """A block with its channels last."""
        shaped = block.reshape(self.block)
        return np.moveaxis(shaped, 0, -1) if self.channels_first else shaped


def frame_layout(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.dtype,
    name: str = "the array",
    frame_shape: tuple[int, int] | None = None,
) -> Layout:
    """Find the arrangement of the frames in an array.

    Args:
        path: The file, for the error.
        shape: (h, w), (n, h, w), (h, w, up to 4 channels), (n, h, w, up to 4 channels) or (n, up to 4 channels, h, w),
            with further axes of length 1 at either end. Three or four channels at the end are colours.
        dtype: Type of the array.
        name: Name of the array in the file, for the error.
        frame_shape: Height and width of a frame if known: axes before them are frames, one after them
            channels.

    Raises:
        ReadError: The shape or type is not that of an image or a stack.
    """
    if dtype.kind not in "buif":
        raise ReadError(f"{path}: {name} has type {dtype}, not real numbers; save the image as integers or floats.")
    axes = _without_single_ends(shape)
    known = _known_layout(axes, frame_shape)
    if known:
        return known
    match axes:
        case (_, _):
            return Layout(1, axes)
        case (rows, columns, channels) if 2 <= channels <= _MOST_CHANNELS < min(rows, columns):
            return Layout(1, axes, 2 if channels == 2 else 0)
        case (count, _, _):
            return Layout(count, axes[1:])
        case (count, 1, _, _):
            return Layout(count, axes[2:])
        case (count, _, _, channels) if 2 <= channels <= _MOST_CHANNELS:
            return Layout(count, axes[1:], 2 if channels == 2 else 0)
        case (count, channels, rows, columns) if channels <= _MOST_CHANNELS < min(rows, columns):
            return Layout(count, axes[1:], channels, channels_first=True)
    raise ReadError(
        f"{path}: {name} has shape {shape}; expected an image (height, width) or a stack (frames, height, width)."
    )


def _without_single_ends(shape: tuple[int, ...]) -> tuple[int, ...]:
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _known_layout(axes: tuple[int, ...], frame_shape: tuple[int, int] | None) -> Layout | None:
    for at in range(len(axes) - 2, -1, -1):
        last = axes[at + 2 :]
        if axes[at : at + 2] == frame_shape and len(last) <= 1:
            channels = last[0] if last and last[0] not in _COLOURS else 0
            return Layout(prod(axes[:at]), axes[at:], channels)
    return None


@dataclass(frozen=True)
class Frames:
    """The frames of an array; attributes as in `Recording`."""

    count: int
    read_frame: Callable[[int], np.ndarray]
    channels: int


def frames_of(path: Path, array: Any, name: str = "the array", wanted: Wanted = MICROGRAPH) -> Frames:
    """The frames of a sliceable array: memmap, HDF5 dataset, dask array.

    Raises:
        ReadError: The shape or type is not that of an image or a stack.
    """
    shape = tuple(map(int, array.shape))
    layout = frame_layout(path, shape, np.dtype(array.dtype), name, wanted.frame_shape)
    before = _axes_before(shape, layout)

    def read_frame(index: int) -> np.ndarray:
        place = np.unravel_index(index, before) if before else ()
        return layout.frame(held_or_mapped(array[(*map(int, place), ...)]))

    return Frames(layout.count, read_frame, layout.channels)


def _axes_before(shape: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    """The axes that count frames: as many of the first axes as multiply to the number of frames."""
    axes = 0
    while prod(shape[axes:]) > prod(layout.block) and axes < len(shape):
        axes += 1
    return shape[:axes]


def check_claimed_size(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, stored_bytes: int, compressed: bool
) -> None:
    """Reject a header that claims more data than the file can contain, before memory is allocated.

    Args:
        path: The file, for the error.
        shape: Shape in the header.
        dtype: Type in the header.
        stored_bytes: Number of bytes in the file.
        compressed: Whether these bytes are compressed.

    Raises:
        ReadError: The claimed size is impossible.
    """
    check_claimed_bytes(path, prod(map(int, shape)) * dtype.itemsize, stored_bytes, compressed)
    if 0 in shape:
        raise ReadError(f"{path}: holds no pixels (shape {tuple(shape)}); copy it again or leave it out.")


def check_claimed_bytes(path: Path, claimed: int, stored_bytes: int, compressed: bool) -> None:
    """The same for a number of bytes.

    Raises:
        ReadError: The claimed size is impossible.
    """
    if claimed > stored_bytes * (_LARGEST_COMPRESSION if compressed else 1):
        raise ReadError(
            f"{path}: the header claims {claimed} bytes of pixels, but the file holds {stored_bytes}; "
            "it is truncated or damaged, copy it again from the microscope."
        )
