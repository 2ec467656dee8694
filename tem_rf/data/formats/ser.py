"""SER and EMI, as TIA writes them, frame by frame.

Read directly, because rosettasciio loads a series whole and allocates whatever its header claims.
Layout: C. Boothroyd, "TIA file format", https://www.er-c.org/cbb/info/TIAformat/.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tem_rf.data.formats.recording import Recording, check_claimed_size
from tem_rf.data.pixel_size import length_nm
from tem_rf.errors import ReadError

_STAMP = (0x4949, 0x0197)
_FIRST_64_BIT_VERSION = 0x0220
_SPECTRA, _IMAGES = 0x4120, 0x4122
_DTYPES = dict(enumerate(("<u1", "<u2", "<u4", "<i1", "<i2", "<i4", "<f4", "<f8"), start=1))
# Before the pixels of an image: offset, size and index of a pixel along x and y, type, width, height.
_IMAGE_HEADER = struct.Struct("<ddiddiHII")
_MODE = re.compile(rb"<Label>Mode</Label><Value>([^<]*)</Value>")


@contextmanager
def open_ser(path: Path) -> Iterator[Recording]:
    """Open a SER file, or the SER file that holds the pixels of an EMI file.

    Raises:
        ReadError: It holds spectra or a diffraction pattern, is damaged, or the SER file of an EMI file is missing.
    """
    series = _series_of(path) if path.suffix.lower() == ".emi" else path
    mode = _mode(series)
    if "diffraction" in mode.casefold():
        raise ReadError(f"{path}: holds a diffraction pattern (mode {mode!r}) and no image; leave this file out.")
    with series.open("rb") as file:
        offsets = _offsets(path, file, series.stat().st_size)
        x_m, y_m, dtype, shape = _image_header(path, file, offsets[0])
        claimed = (len(offsets), *shape)
        check_claimed_size(path, claimed, dtype, series.stat().st_size, compressed=False)

        def read_frame(index: int) -> np.ndarray:
            if _image_header(path, file, offsets[index])[2:] != (dtype, shape):
                raise ReadError(f"{path}: frame {index} is not of the shape and type of the first; save it by itself.")
            block = file.read(shape[0] * shape[1] * dtype.itemsize)
            return np.frombuffer(block, dtype).reshape(shape)[::-1]  # rows are stored from the bottom up

        y_nm, x_nm = length_nm(y_m, "m"), length_nm(x_m, "m")
        sides = (y_nm, x_nm) if y_nm and x_nm else None
        metadata = {"format": path.suffix.upper()[1:], "mode": mode} if mode else {"format": path.suffix.upper()[1:]}
        yield Recording(len(offsets), read_frame, sides, metadata=metadata)


def _series_of(emi: Path) -> Path:
    series = sorted(emi.parent.glob(f"{escape(emi.stem)}_*.ser"))
    if not series:
        raise ReadError(
            f"{emi}: the pixels of an EMI file stand in {emi.stem}_1.ser beside it, which is missing; copy it too."
        )
    if len(series) > 1:
        raise ReadError(f"{emi}: has {len(series)} SER files; expected one, read {series[0].name} by itself.")
    return series[0]


def _mode(series: Path) -> str:
    """Mode of the microscope, such as "TEM uP SA Zoom Image"; only the EMI file beside the SER file knows it."""
    emi = series.with_name(f"{series.stem.rpartition('_')[0]}.emi")
    match = _MODE.search(emi.read_bytes()) if emi.is_file() else None
    return match[1].decode("latin-1").strip() if match else ""


def _offsets(path: Path, file: BinaryIO, size: int) -> tuple[int, ...]:
    order, series, version, kind, _tag, _total, count = struct.unpack("<HHHIIII", file.read(22))
    if (order, series) != _STAMP:
        raise ReadError(f"{path}: lacks the stamp of a SER file; it is damaged or wrongly named, copy it again.")
    if kind == _SPECTRA:
        raise ReadError(f"{path}: holds {count} spectra and no image; expected a micrograph, leave this file out.")
    if kind != _IMAGES or count == 0:
        raise ReadError(f"{path}: holds {count} elements of kind {kind:#x}; expected images ({_IMAGES:#x}).")
    integer = "Q" if version >= _FIRST_64_BIT_VERSION else "I"
    width = struct.calcsize(f"<{integer}")
    (start,) = struct.unpack(f"<{integer}", file.read(width))
    if start + count * width > size:
        raise ReadError(
            f"{path}: the header claims {count} frames, the file holds {size} bytes; "
            "it is truncated or damaged, copy it again."
        )
    file.seek(start)
    return struct.unpack(f"<{count}{integer}", file.read(count * width))


def _image_header(path: Path, file: BinaryIO, offset: int) -> tuple[float, float, np.dtype, tuple[int, int]]:
    file.seek(offset)
    _, x_m, _, _, y_m, _, kind, width, height = _IMAGE_HEADER.unpack(file.read(_IMAGE_HEADER.size))
    if kind not in _DTYPES:
        raise ReadError(f"{path}: values of kind {kind} (9 and 10 are complex); expected real numbers.")
    return x_m, y_m, np.dtype(_DTYPES[kind]), (height, width)
