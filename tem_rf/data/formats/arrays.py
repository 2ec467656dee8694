"""NumPy files: NPY through a memory map, NPZ member by member without unpacking it whole."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Literal

import numpy as np

from tem_rf.data.formats.recording import Recording, check_claimed_size, frame_layout, frames_of
from tem_rf.data.pixel_size import length_nm
from tem_rf.errors import ReadError

IMAGE_NAMES = ("images", "image", "data", "arr_0")
LABEL_NAMES = ("labels", "label", "masks", "mask", "maps")
PIXEL_SIZE_NAME = "pixel_size_nm"


@contextmanager
def open_npy(path: Path) -> Iterator[Recording]:
    """Open an NPY file; nothing in it is ever unpickled."""
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    yield Recording(*frames_of(path, array), metadata={"format": "NPY"})


@contextmanager
def open_npz(path: Path, names: tuple[str, ...] = IMAGE_NAMES) -> Iterator[Recording]:
    """Open the first array of an NPZ file that has one of `names`, or its only image or stack."""
    with zipfile.ZipFile(path) as archive:
        arrays = [info.filename.removesuffix(".npy") for info in archive.infolist() if info.filename.endswith(".npy")]
        name = choose_name(path, [array for array in arrays if array != PIXEL_SIZE_NAME], names)
        with archive.open(f"{name}.npy") as member:
            shape, fortran_order, dtype = _read_header(path, member)
            info = archive.getinfo(f"{name}.npy")
            check_claimed_size(path, shape, dtype, info.file_size, compressed=False)
            check_claimed_size(path, shape, dtype, info.compress_size, compressed=info.compress_type != 0)
            count, frame_shape = frame_layout(path, shape, dtype, f"{name!r}")
            if fortran_order and count > 1:
                raise ReadError(f"{path}: {name!r} is stored column by column; save it with np.ascontiguousarray.")
            order: Literal["C", "F"] = "F" if fortran_order else "C"

            def read_frame(index: int) -> np.ndarray:
                block = member.read(prod(frame_shape) * dtype.itemsize)  # frames follow each other
                return np.frombuffer(block, dtype).reshape(*frame_shape, order=order)

            yield Recording(count, read_frame, _pixel_sides(path, archive, arrays), metadata={"format": "NPZ"})


def choose_name(path: Path, present: list[str], wanted: tuple[str, ...]) -> str:
    """The first wanted name that is present, or the only one there is.

    Raises:
        ReadError: None of them is present, and several others are.
    """
    for name in wanted:
        if name in present:
            return name
    if len(present) == 1 and present[0] not in (*IMAGE_NAMES, *LABEL_NAMES):
        return present[0]
    held = ", ".join(sorted(present)[:8]) or "nothing"
    raise ReadError(f"{path}: holds {held}; expected an array named {' or '.join(wanted)}.")


def _read_header(path: Path, member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(member)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(member)
    raise ReadError(f"{path}: an array of NPY version {version}; expected 1.0 or 2.0, save it again with NumPy.")


def _pixel_sides(path: Path, archive: zipfile.ZipFile, arrays: list[str]) -> tuple[float, float] | None:
    if PIXEL_SIZE_NAME not in arrays:
        return None
    with archive.open(f"{PIXEL_SIZE_NAME}.npy") as member:
        shape, _, dtype = _read_header(path, member)
        if dtype.kind not in "fiu" or np.prod(shape) != 1:
            return None
        side = length_nm(float(np.frombuffer(member.read(dtype.itemsize), dtype)[0]), "nm")
    return (side, side) if side else None
