"""NumPy files: NPY through a memory map, NPZ array by array without unpacking the whole file."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Literal

import numpy as np

from tem_rf.data.formats.choice import choose_name
from tem_rf.data.formats.recording import Recording, Wanted, check_claimed_size, frame_layout, frames_of
from tem_rf.data.pixel_size import length_nm
from tem_rf.errors import ReadError

PIXEL_SIZE_NAME = "pixel_size_nm"


@contextmanager
def open_npy(path: Path, wanted: Wanted) -> Iterator[Recording]:
    """Open an NPY file; nothing in it is unpickled."""
    with path.open("rb") as file:
        _read_header(path, file)
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    frames = frames_of(path, array, wanted=wanted)
    yield Recording(frames.count, frames.read_frame, metadata={"format": "NPY"}, channels=frames.channels)


@contextmanager
def open_npz(path: Path, wanted: Wanted) -> Iterator[Recording]:
    """Open the requested array of an NPZ file, or its only image or stack."""
    with zipfile.ZipFile(path) as archive:
        arrays = array_names(archive)
        name = choose_name(path, [array for array in arrays if array != PIXEL_SIZE_NAME], wanted)
        with archive.open(f"{name}.npy") as member:
            shape, fortran_order, dtype = _read_header(path, member)
            info = archive.getinfo(f"{name}.npy")
            check_claimed_size(path, shape, dtype, info.file_size, compressed=False)
            check_claimed_size(path, shape, dtype, info.compress_size, compressed=info.compress_type != 0)
            layout = frame_layout(path, shape, dtype, f"{name!r}", wanted.frame_shape)
            if fortran_order and layout.count > 1:
                raise ReadError(f"{path}: {name!r} is stored column by column; save it with np.ascontiguousarray.")
            order: Literal["C", "F"] = "F" if fortran_order else "C"

            def read_frame(index: int) -> np.ndarray:
                block = member.read(prod(layout.block) * dtype.itemsize)  # frames are consecutive
                return layout.frame(np.frombuffer(block, dtype).reshape(layout.block, order=order))

            yield Recording(
                layout.count,
                read_frame,
                _pixel_sides(path, archive, arrays),
                metadata={"format": "NPZ"},
                channels=layout.channels,
            )


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Names of the arrays in an NPZ file."""
    return [info.filename.removesuffix(".npy") for info in archive.infolist() if info.filename.endswith(".npy")]


def _read_header(path: Path, member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        header = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        header = np.lib.format.read_array_header_2_0(member)
    else:
        raise ReadError(
            f"{path}: contains an array of NPY version {version}; expected 1.0 or 2.0, resave it with NumPy."
        )
    if header[2].hasobject:
        raise ReadError(
            f"{path}: contains Python objects (a pickle), as Cellpose's _seg.npy files do; reading such a file can run "
            "code, so it is not read. Save the masks as PNG or TIFF."
        )
    return header


def _pixel_sides(path: Path, archive: zipfile.ZipFile, arrays: list[str]) -> tuple[float, float] | None:
    if PIXEL_SIZE_NAME not in arrays:
        return None
    with archive.open(f"{PIXEL_SIZE_NAME}.npy") as member:
        shape, _, dtype = _read_header(path, member)
        if dtype.kind not in "fiu" or np.prod(shape) != 1:
            return None
        side = length_nm(float(np.frombuffer(member.read(dtype.itemsize), dtype)[0]), "nm")
    return (side, side) if side else None
