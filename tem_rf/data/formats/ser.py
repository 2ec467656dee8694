"""SER and EMI files, written by TIA, frame by frame.

Read directly, because rosettasciio loads a whole series and allocates whatever its header claims.
Layout: C. Boothroyd, "TIA file format", https://www.er-c.org/cbb/info/TIAformat/.
"""

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tem_rf.data.formats.recording import Recording, Wanted, check_claimed_size
from tem_rf.data.pixel_size import length_nm
from tem_rf.errors import ReadError

_STAMP = (0x4949, 0x0197)
_FIRST_64_BIT_VERSION = 0x0220
_SPECTRA, _IMAGES = 0x4120, 0x4122
_DTYPES = dict(enumerate(("<u1", "<u2", "<u4", "<i1", "<i2", "<i4", "<f4", "<f8"), start=1))
# Order of the bytes, series, version, kind of the elements, of their tags, room for elements, elements.
_HEAD = struct.Struct("<HHHIIII")
# Before the pixels of an image: offset, size and index of a pixel along x and y, type, width, height.
_IMAGE_HEADER = struct.Struct("<ddiddiHII")
_MODE = re.compile(rb"<Label>Mode</Label><Value>([^<]*)</Value>")


@contextmanager
def open_ser(path: Path, wanted: Wanted) -> Iterator[Recording]:
    """Open a SER file, or the SER files with the pixels of an EMI file, one for each detector.

    Raises:
        ReadError: It holds spectra or a diffraction pattern, is damaged, or the SER file of an EMI file is missing.
    """
    mode = _mode(path)
    if _is_diffraction(mode):
        raise ReadError(f"{path}: holds a diffraction pattern (mode {mode!r}) and no image; leave this file out.")
    metadata = {"format": path.suffix.upper()[1:]} | ({"mode": mode} if mode else {})
    with ExitStack() as stack:
        several = [stack.enter_context(_Series.open(path, file)) for file in _image_series(path)]
        first = several[0]
        if len(several) == 1:
            yield Recording(first.count, first.read_frame, first.sides_nm, metadata=metadata)
            return
        names = tuple(series.file.name for series in several)
        if any((series.count, series.shape) != (first.count, first.shape) for series in several):
            raise ReadError(f"{path}: its images differ in size; read them separately: {', '.join(names)}.")
        yield Recording(
            first.count,
            lambda index: np.stack([series.read_frame(index) for series in several], axis=-1),
            first.sides_nm,
            metadata=metadata,
            channels=len(several),
            channel_names=names,
        )


def series_of(emi: Path) -> list[Path]:
    """The SER files beside an EMI file, which contain its pixels."""
    found = emi.parent.glob(f"{escape(emi.stem)}_*.ser")
    return sorted(series for series in found if series.stem.removeprefix(f"{emi.stem}_").isdigit())


def ends_with_its_last_image(series: Path) -> bool:
    """Whether a SER file holds all the images that its header has room for, each with the tag after its pixels.

    Raises:
        OSError: It cannot be read.
    """
    with series.open("rb") as file:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return False
        order, stamp, version, kind, tag, room, count = _HEAD.unpack(head)
        if (order, stamp) != _STAMP or kind != _IMAGES or not 0 < count == room:
            return False
        integer = struct.Struct("<Q" if version >= _FIRST_64_BIT_VERSION else "<I")
        place = file.read(integer.size)
        if len(place) < integer.size:
            return False
        (start,) = integer.unpack(place)
        file.seek(start + (2 * count - 1) * integer.size)  # of the last tag, after the places of the images and tags
        place = file.read(integer.size)
        if len(place) < integer.size:
            return False
        file.seek(integer.unpack(place)[0])
        return file.read(8)[:2] == tag.to_bytes(4, "little")[:2] and file.tell() >= integer.unpack(place)[0] + 8


@dataclass(frozen=True)
class _Series:
    """An open SER file.

    Attributes:
        file: Its path.
        count: Number of frames.
        shape: Height and width [px].
        sides_nm: Height and width of a pixel [nm]; None if they are not plausible.
        read_frame: Reads a frame.
    """

    file: Path
    count: int
    shape: tuple[int, int]
    sides_nm: tuple[float, float] | None
    read_frame: Callable[[int], np.ndarray]

    @classmethod
    @contextmanager
    def open(cls, path: Path, series: Path) -> "Iterator[_Series]":
        """Open a SER file; errors name `path`."""
        with series.open("rb") as file:
            offsets = _offsets(path, file, series.stat().st_size)
            x_m, y_m, dtype, shape = _image_header(path, file, offsets[0])
            check_claimed_size(path, (len(offsets), *shape), dtype, series.stat().st_size, compressed=False)

            def read_frame(index: int) -> np.ndarray:
                if _image_header(path, file, offsets[index])[2:] != (dtype, shape):
                    raise ReadError(
                        f"{path}: frame {index} does not have the shape and type of the first; save it separately."
                    )
                block = file.read(shape[0] * shape[1] * dtype.itemsize)
                return np.frombuffer(block, dtype).reshape(shape)[::-1]  # rows are stored from the bottom up

            y_nm, x_nm = length_nm(y_m, "m"), length_nm(x_m, "m")
            yield cls(series, len(offsets), shape, (y_nm, x_nm) if y_nm and x_nm else None, read_frame)


def _image_series(path: Path) -> list[Path]:
    """The file itself, or the files of an EMI file that contain images; spectra beside them are skipped."""
    if path.suffix.lower() != ".emi":
        return [path]
    found = series_of(path)
    if not found:
        raise ReadError(
            f"{path}: the pixels of an EMI file are in {path.stem}_1.ser beside it, which is missing; copy it too."
        )
    return [series for series in found if _kind_of(series) != _SPECTRA] or found


def _kind_of(series: Path) -> int:
    with series.open("rb") as file:
        head = file.read(10)
    return int.from_bytes(head[6:10], "little")


def _is_diffraction(mode: str) -> bool:
    """Whether a mode of the microscope produces diffraction patterns.

    In STEM the lenses below the specimen are set to diffraction, but the detectors produce images.

    >>> _is_diffraction("TEM uP SA Zoom Diffraction"), _is_diffraction("STEM nP SA Zoom Diffraction")
    (True, False)
    """
    words = mode.casefold().split()
    return "diffraction" in words and "stem" not in words


def _mode(path: Path) -> str:
    """Mode of the microscope, such as "TEM uP SA Zoom Image", which only the EMI file beside the SER file contains."""
    emi = path if path.suffix.lower() == ".emi" else path.with_name(f"{path.stem.rpartition('_')[0]}.emi")
    match = _MODE.search(emi.read_bytes()) if emi.is_file() else None
    return match[1].decode("latin-1").strip() if match else ""


def _offsets(path: Path, file: BinaryIO, size: int) -> tuple[int, ...]:
    order, series, version, kind, _tag, _room, count = _HEAD.unpack(file.read(_HEAD.size))
    if (order, series) != _STAMP:
        raise ReadError(
            f"{path}: does not start like a SER file; it is damaged or has the wrong suffix, copy it again."
        )
    if kind == _SPECTRA:
        raise ReadError(f"{path}: holds {count} spectra and no image; expected a micrograph, leave this file out.")
    if kind != _IMAGES or count == 0:
        raise ReadError(f"{path}: holds {count} elements of type {kind:#x}; expected images ({_IMAGES:#x}).")
    integer = "Q" if version >= _FIRST_64_BIT_VERSION else "I"
    width = struct.calcsize(f"<{integer}")
    (start,) = struct.unpack(f"<{integer}", file.read(width))
    if start + count * width > size:
        raise ReadError(
            f"{path}: the header claims {count} frames, but the file has only {size} bytes; "
            "it is truncated or damaged, copy it again."
        )
    file.seek(start)
    return struct.unpack(f"<{count}{integer}", file.read(count * width))


def _image_header(path: Path, file: BinaryIO, offset: int) -> tuple[float, float, np.dtype, tuple[int, int]]:
    file.seek(offset)
    _, x_m, _, _, y_m, _, kind, width, height = _IMAGE_HEADER.unpack(file.read(_IMAGE_HEADER.size))
    if kind not in _DTYPES:
        raise ReadError(f"{path}: values of type {kind} (9 and 10 are complex); expected real numbers.")
    return x_m, y_m, np.dtype(_DTYPES[kind]), (height, width)
