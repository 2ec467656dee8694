"""What every format gives: frames that are read one at a time, and the size of a pixel."""

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

# Deflate, the densest coding met here, cannot shrink data by more than 1032; a header that claims more lies.
_LARGEST_COMPRESSION = 1100
_COLOURS = (3, 4)  # red, green, blue, and perhaps opacity
_MOST_CHANNELS = 4  # that a last axis is taken for, where nothing says what it is


@dataclass(frozen=True)
class Wanted:
    """What is looked for in a file.

    Attributes:
        array: Name or path of the array, in files that hold several; None chooses by `names`.
        names: What such an array is usually called, the likeliest first.
        as_label: Whether values matter, as in a mask, rather than how they are shown.
        frame_shape: Height and width of a frame where they are known, which tells frames from channels.
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
        pixel_sides_nm: Height and width of a pixel [nm], or None where the file says neither.
        notes: What the user should know about the reading.
        metadata: What else the file says, as plain JSON types.
        frame_interval_s: Time between frames [s], or None where the file does not say it.
        remarks: What the parser has said on the side so far; reading a frame may add to it.
        channels: Images of one place in the last axis of a frame, such as those of several detectors; 0: the frame is
            one image, grey or in colour.
        channel_names: What they are called; empty where the file does not say it.
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
    """How the frames lie in an array.

    Attributes:
        count: Number of frames, one block after the other.
        block: Shape of a block.
        channels: Channels in a frame; 0: it is one image, grey or in colour.
        channels_first: Whether they come before the rows.
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
    """How the frames lie in an array.

    Args:
        path: The file, for the error.
        shape: (h, w), (n, h, w), (h, w, up to 4 channels), (n, h, w, up to 4 channels) or (n, up to 4 channels, h, w),
            with further axes of length 1 at either end. Three or four channels at the end are colours.
        dtype: Type of the array.
        name: What the array is called in the file, for the error.
        frame_shape: Height and width of a frame where they are known: axes before them are frames, one after them
            channels.

    Raises:
        ReadError: The shape or type is not that of an image or a stack.
    """
    if dtype.kind not in "buif":
        raise ReadError(f"{path}: {name} holds {dtype}, not real numbers; save the image as integers or floats.")
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
    """The axes that count frames: as many of the first as make up their number."""
    axes = 0
    while prod(shape[axes:]) > prod(layout.block) and axes < len(shape):
        axes += 1
    return shape[:axes]


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
    check_claimed_bytes(path, prod(map(int, shape)) * dtype.itemsize, stored_bytes, compressed)
    if 0 in shape:
        raise ReadError(f"{path}: holds no pixels (shape {tuple(shape)}); copy it again or leave it out.")


def check_claimed_bytes(path: Path, claimed: int, stored_bytes: int, compressed: bool) -> None:
    """The same, of a number of bytes.

    Raises:
        ReadError: The claim cannot be true.
    """
    if claimed > stored_bytes * (_LARGEST_COMPRESSION if compressed else 1):
        raise ReadError(
            f"{path}: the header claims {claimed} bytes of pixels, the file holds {stored_bytes}; "
            "it is truncated or damaged, copy it again from the microscope."
        )
