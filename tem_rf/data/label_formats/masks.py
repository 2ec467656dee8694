"""Masks and images of instance numbers: whatever is not zero is particle."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tem_rf.data.formats.recording import LABEL_NAMES, MICROGRAPH, Wanted
from tem_rf.data.readers import open_recording
from tem_rf.errors import ReadError

_LOSSY_SUFFIXES = (".jpg", ".jpeg")
_CONTAINERS = (".npz", ".h5", ".hdf5")


def read_masks(path: Path) -> Iterator[np.ndarray]:
    """Read the masks of a file one after the other.

    Args:
        path: Image file; of NPZ and HDF5 files the array `labels`, `masks` or `maps` is read.

    Yields:
        (height, width) bool.

    Raises:
        ReadError: The file cannot be read.
    """
    with open_recording(path, Wanted(names=LABEL_NAMES, as_label=True)) as recording:
        for index in range(recording.count):
            yield _is_particle(recording.read_frame(index), lossy=path.suffix.lower() in _LOSSY_SUFFIXES)


def is_container(path: Path) -> bool:
    """Whether a file may hold several arrays by name: NPZ and HDF5."""
    return path.suffix.lower() in _CONTAINERS


def holds_masks(path: Path) -> bool:
    """Whether an NPZ or HDF5 file holds an array of labels."""
    return is_container(path) and _opens(path, Wanted(names=LABEL_NAMES, as_label=True))


def holds_micrographs(path: Path) -> bool:
    """Whether a file opens as micrographs."""
    return _opens(path, MICROGRAPH)


def _opens(path: Path, wanted: Wanted) -> bool:
    try:
        with open_recording(path, wanted):
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
