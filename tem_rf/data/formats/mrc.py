"""MRC images and stacks.

Modes: https://www.ccpem.ac.uk/mrc-format/mrc2014/ and, for bytes, 4 bits and colour,
https://bio3d.colorado.edu/imod/doc/mrc_format.txt.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.formats.recording import Recording, Wanted, check_claimed_bytes, frames_of
from tem_rf.data.pixel_size import length_nm
from tem_rf.errors import ReadError

_HEADER_BYTES = 1024
_MODE_WORD, _EXTENDED_HEADER_WORD, _IMOD_STAMP_WORD, _IMOD_FLAGS_WORD = 3, 23, 38, 39
_IMOD_STAMP = 1146047817
_BYTES, _COLOUR, _HALF_BYTES = 0, 16, 101
_DTYPES = {_BYTES: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2", _COLOUR: "u1", _HALF_BYTES: "u1"}
_COMPLEX = (3, 4)


@contextmanager
def open_mrc(path: Path, wanted: Wanted) -> Iterator[Recording]:
    """Open an MRC file; frames come from a memory map."""
    import mrcfile

    _check_header(path)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Map ID string not found")  # many programs leave the stamp out
        opened = mrcfile.open(path, mode="r", permissive=True, header_only=True)
    with opened as mrc:
        header, offset = mrc.header, _HEADER_BYTES + int(mrc.header.nsymbt)
        y_nm, x_nm = (length_nm(float(side), "Å") for side in (mrc.voxel_size.y, mrc.voxel_size.x))
    pixels, notes = _pixels(path, header, offset)
    frames = frames_of(path, pixels, wanted=wanted)
    is_packed = int(header.mode) == _HALF_BYTES

    def read_frame(index: int) -> np.ndarray:
        frame = frames.read_frame(index)
        return _unpack_half_bytes(frame, int(header.nx)) if is_packed else frame

    sides = (y_nm, x_nm) if y_nm and x_nm else None
    yield Recording(frames.count, read_frame, sides, notes, {"format": "MRC"}, channels=frames.channels)


def _pixels(path: Path, header: Any, offset: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Memory map of the pixels (frames, rows, columns or bytes of a row), and notes."""
    mode = int(header.mode)
    if mode in _COMPLEX:
        raise ReadError(f"{path}: holds complex numbers (mode {mode}), a Fourier transform; expected an image.")
    if mode not in _DTYPES:
        raise ReadError(f"{path}: unknown MRC mode {mode}; expected {', '.join(map(str, _DTYPES))}.")
    columns, rows, frames = int(header.nx), int(header.ny), int(header.nz)
    shape: tuple[int, ...] = (frames, rows, (columns + 1) // 2 if mode == _HALF_BYTES else columns)
    shape += (3,) if mode == _COLOUR else ()
    dtype = np.dtype(_DTYPES[mode]).newbyteorder(header.mode.dtype.byteorder)
    claimed = int(np.prod([int(length) for length in shape], dtype=object)) * dtype.itemsize
    check_claimed_bytes(path, claimed, path.stat().st_size - offset, compressed=False)
    pixels = np.memmap(path, dtype, "r", offset, shape)
    if mode != _BYTES:
        return pixels, ()
    is_unsigned, note = _unsigned_bytes(path, header, pixels[0])
    return (pixels.view(np.uint8) if is_unsigned else pixels), (note,) if note else ()


def _unsigned_bytes(path: Path, header: Any, frame: np.ndarray) -> tuple[bool, str]:
    """Whether the bytes of mode 0 range from 0 to 255, as in IMOD and old files, or from -128 to 127.

    IMOD's flag decides, then the minimum and maximum in the header, then which of the two images is smoother.
    """
    with path.open("rb") as file:
        words = np.frombuffer(file.read(_HEADER_BYTES), "<i4")
    if words[_IMOD_STAMP_WORD].byteswap() == _IMOD_STAMP:
        words = words.byteswap()
    if words[_IMOD_STAMP_WORD] == _IMOD_STAMP:
        return not words[_IMOD_FLAGS_WORD] & 1, ""
    least, most = float(header.dmin), float(header.dmax)
    if not (frame < 0).any():
        return False, ""  # the same either way
    if -128 <= least < 0 and most <= 127:
        return False, ""
    if 127 < most <= 255 and least >= 0:
        return True, f"bytes from 0 to 255, since its header gives {most:g} as the maximum (MRC mode 0 is ambiguous)"
    steps = [np.abs(np.diff(frame.view(kind).astype(np.int16), axis=-1)).mean() for kind in (np.uint8, np.int8)]
    is_unsigned = bool(steps[0] < steps[1])
    limits = "from 0 to 255" if is_unsigned else "from -128 to 127"
    return is_unsigned, f"bytes {limits}, the smoother of the two possible images (its header does not specify)"


def _unpack_half_bytes(frame: np.ndarray, columns: int) -> np.ndarray:
    """4-bit pixels, two per byte, the lower half first; each row starts with a new byte."""
    pixels = np.stack([frame & 15, frame >> 4], axis=-1)
    return pixels.reshape(len(frame), -1)[:, :columns]


def _check_header(path: Path) -> None:
    """Reject a header that claims more than the file contains; mrcfile would allocate its extended header first."""
    size = path.stat().st_size
    with path.open("rb") as file:
        words = np.frombuffer(file.read(_HEADER_BYTES), "<i4")
    if words.size * 4 < _HEADER_BYTES:
        raise ReadError(f"{path}: ends within its header; it is truncated, copy it again.")
    if not 0 <= words[_MODE_WORD] < 0x10000:
        words = words.byteswap()
    extended = int(words[_EXTENDED_HEADER_WORD])
    if not 0 <= extended <= size - _HEADER_BYTES:
        raise ReadError(
            f"{path}: claims an extended header of {extended} bytes, but the file has only {size}; "
            "it is damaged, copy it again."
        )
    if min(words[:3]) < 1:
        raise ReadError(f"{path}: claims {words[0]} x {words[1]} x {words[2]} pixels; it is damaged, copy it again.")
    check_claimed_bytes(path, int(np.prod([int(word) for word in words[:3]], dtype=object)) // 2, size, False)
