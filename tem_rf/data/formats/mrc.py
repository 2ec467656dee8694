"""MRC images and stacks."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tem_rf.data.formats.recording import Recording, check_claimed_size, frames_of
from tem_rf.data.pixel_size import length_nm
from tem_rf.errors import ReadError

_HEADER_BYTES = 1024
_MODE_WORD, _EXTENDED_HEADER_WORD = 3, 23


@contextmanager
def open_mrc(path: Path) -> Iterator[Recording]:
    """Open an MRC file; frames come from a memory map."""
    import mrcfile

    _check_header(path)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Map ID string not found")  # many programs leave the stamp out
        opened = mrcfile.mmap(path, mode="r", permissive=True)
    with opened as mrc:
        if mrc.data is None:
            raise ReadError(f"{path}: its header does not fit its length; it is truncated or damaged, copy it again.")
        check_claimed_size(path, mrc.data.shape, mrc.data.dtype, path.stat().st_size, compressed=False)
        count, read_frame = frames_of(path, mrc.data)
        y_nm, x_nm = (length_nm(float(side), "Å") for side in (mrc.voxel_size.y, mrc.voxel_size.x))
        sides = (y_nm, x_nm) if y_nm and x_nm else None
        yield Recording(count, read_frame, sides, metadata={"format": "MRC"})


def _check_header(path: Path) -> None:
    """Refuse a header that claims more than the file holds; mrcfile would allocate its extended header first."""
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
            f"{path}: claims an extended header of {extended} bytes, the file holds {size}; "
            "it is damaged, copy it again."
        )
    if min(words[:3]) < 1:
        raise ReadError(f"{path}: claims {words[0]} x {words[1]} x {words[2]} pixels; it is damaged, copy it again.")
    check_claimed_size(path, tuple(words[:3]), np.dtype(np.uint8), 2 * (size - _HEADER_BYTES - extended), False)
