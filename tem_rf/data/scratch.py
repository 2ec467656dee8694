"""Arrays too large for memory, kept on disk in files without a name."""

import os
import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from tem_rf.files import storage_errors

MAX_BYTES_IN_MEMORY = 128 * 2**20  # bytes; a float32 image of 5793 px
_ROWS_AT_ONCE = 128


def scratch_array(shape: tuple[int, ...], dtype: np.dtype | type, folder: Path | None) -> np.ndarray:
    """An array without defined values, in memory where it is small.

    A large one is a memory map of a file that no folder lists: it vanishes with the array, also after a kill, and the
    system writes it to disk where memory is short.

    Args:
        shape: Its shape.
        dtype: Its type.
        folder: Where a large one lies; None keeps it in memory.

    Raises:
        DiskFullError: There is no room on the disk.
        StorageError: The place cannot be written to.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if folder is None or size <= MAX_BYTES_IN_MEMORY:
        return np.empty(shape, dtype)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # a map of a file with holes dies of a full disk
            return np.memmap(file, dtype, "w+", shape=shape)


def held_or_mapped(frame: np.ndarray) -> np.ndarray:
    """A frame in memory; a large one of a memory-mapped file stays on disk."""
    return frame if isinstance(frame, np.memmap) and frame.nbytes > MAX_BYTES_IN_MEMORY else np.array(frame)


def bands(height: int, rows: int = _ROWS_AT_ONCE) -> Iterator[slice]:
    """Bands of rows that cover an image from top to bottom, so that a sum over it needs little memory.

    >>> list(bands(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))
