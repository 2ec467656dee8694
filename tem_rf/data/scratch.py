"""Arrays too large for memory, stored on disk in unnamed files."""

import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from tem_rf.files import storage_errors
from tem_rf.platforms import reserve_space

MAX_BYTES_IN_MEMORY = 128 * 2**20  # bytes; a float32 image of 5793 px
_ROWS_AT_ONCE = 128


def scratch_array(shape: tuple[int, ...], dtype: np.dtype | type, folder: Path | None) -> np.ndarray:
    """An uninitialized array, in memory if it is small.

    A large one is a memory map of a file that is not listed in any folder: it is removed with the array, even if the
    process is killed, and the system writes it to disk if memory is short.

    Args:
        shape: Its shape.
        dtype: Its type.
        folder: Location of a large one; None keeps it in memory.

    Raises:
        DiskFullError: The disk is full.
        StorageError: The location is not writable.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if folder is None or size <= MAX_BYTES_IN_MEMORY:
        return np.empty(shape, dtype)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            reserve_space(file.fileno(), size, folder)
            return np.memmap(file, dtype, "w+", shape=shape)


def held_or_mapped(frame: np.ndarray) -> np.ndarray:
    """A frame in memory; a large frame of a memory-mapped file stays on disk."""
    return frame if isinstance(frame, np.memmap) and frame.nbytes > MAX_BYTES_IN_MEMORY else np.array(frame)


def bands(height: int, rows: int = _ROWS_AT_ONCE) -> Iterator[slice]:
    """Bands of rows that cover an image from top to bottom, so that sums over it need little memory.

    >>> list(bands(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))
