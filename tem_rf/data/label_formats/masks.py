"""Masks and images of instance numbers: whatever is not zero is particle."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tem_rf.data.formats.arrays import LABEL_NAMES, open_npz
from tem_rf.data.formats.dispatch import Opener
from tem_rf.data.formats.hdf5 import open_hdf5
from tem_rf.data.readers import open_recording
from tem_rf.errors import ReadError

_LOSSY_SUFFIXES = (".jpg", ".jpeg")
_NAMED_ARRAYS: dict[str, Opener] = {
    ".npz": partial(open_npz, names=LABEL_NAMES),
    ".h5": partial(open_hdf5, names=LABEL_NAMES),
    ".hdf5": partial(open_hdf5, names=LABEL_NAMES),
}


def read_masks(path: Path) -> Iterator[np.ndarray]:
    """Read the masks of a file one after the other.

    Args:
        path: Image file; of NPZ and HDF5 files the array `labels`, `masks` or `maps` is read.

    Yields:
        (height, width) bool.

    Raises:
        ReadError: The file cannot be read.
    """
    with open_recording(path, _NAMED_ARRAYS.get(path.suffix.lower())) as recording:
        for index in range(recording.count):
            yield _is_particle(recording.read_frame(index), lossy=path.suffix.lower() in _LOSSY_SUFFIXES)


def is_container(path: Path) -> bool:
    """Whether a file may hold several arrays by name: NPZ and HDF5."""
    return path.suffix.lower() in _NAMED_ARRAYS


def holds_masks(path: Path) -> bool:
    """Whether an NPZ or HDF5 file holds an array of labels."""
    return is_container(path) and _opens(path, _NAMED_ARRAYS[path.suffix.lower()])


def holds_micrographs(path: Path) -> bool:
    """Whether a file opens as micrographs."""
    return _opens(path, None)


def _opens(path: Path, opener: Opener | None) -> bool:
    try:
        with open_recording(path, opener):
            return True
    except ReadError:
        return False


def _is_particle(frame: np.ndarray, lossy: bool) -> np.ndarray:
    marked: np.ndarray = frame > 127 if lossy else frame != 0  # JPEG leaves a fringe of small values around every edge
    if marked.ndim == 2:
        return marked
    if marked.shape[2] == 2:
        return marked[..., 1]  # the two-channel maps of Groschner et al. 2021: background, particle
    return np.any(marked[..., :3], axis=2)  # a fourth channel is alpha
