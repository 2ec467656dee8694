"""Labels that are images: masks, instance numbers, painted colours, and files with several of these."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.reading import ReadingSettings
from tem_rf.data.formats.recording import LABEL_NAMES, MICROGRAPH, Recording, Wanted
from tem_rf.data.label_formats.colours import label_of_colours
from tem_rf.data.label_formats.label import Label
from tem_rf.data.label_formats.planes import label_of_planes
from tem_rf.data.label_formats.roles import Roles
from tem_rf.data.label_formats.values import label_of_values
from tem_rf.data.readers import open_recording
from tem_rf.errors import DatasetError, ReadError

_SUM_TOLERANCE = 0.02
_SAME_ASPECT = 0.01
_CONTAINERS = (".npz", ".h5", ".hdf5")


def read_masks(path: Path, shape: tuple[int, int], frames: int, reading: ReadingSettings) -> Iterator[Label]:
    """Read the labels of a file one after the other.

    Args:
        path: Image file; for NPZ and HDF5 files the array `labels`, `masks` or `maps` is read.
        shape: Height and width of the micrograph.
        frames: Number of its frames; if it has one, the pages of the label file are classes or particles of it.
        reading: Which array, channel and values to read.

    Raises:
        ReadError: The file cannot be read.
        DatasetError: The label has another size, or it is ambiguous which part of it is particle.
    """
    wanted = Wanted(reading.label_array, LABEL_NAMES, as_label=True, frame_shape=shape)
    roles = Roles.of(reading)
    with open_recording(path, wanted) as recording:
        notes = recording.notes
        if frames == 1 and recording.count > 1 and not recording.channels:
            pages = (_checked(path, recording.read_frame(index), shape) for index in range(recording.count))
            label = label_of_planes(path, map(_one_plane, pages), recording.count, roles, "pages")
            yield replace(label, notes=notes + label.notes)
            return
        for index in range(recording.count):
            label = _label_of_frame(path, _checked(path, recording.read_frame(index), shape), recording, roles)
            yield replace(label, notes=notes + label.notes)


def is_container(path: Path) -> bool:
    """Whether a file may hold several arrays by name: NPZ and HDF5."""
    return path.suffix.lower() in _CONTAINERS


def holds_masks(path: Path) -> bool:
    """Whether an NPZ or HDF5 file holds a label array."""
    return is_container(path) and _opens(path, Wanted(names=LABEL_NAMES, as_label=True))


def holds_micrographs(path: Path) -> bool:
    """Whether a file can be opened as micrographs."""
    return _opens(path, MICROGRAPH)


def _opens(path: Path, wanted: Wanted) -> bool:
    try:
        with open_recording(path, wanted):
            return True
    except ReadError:
        return False


def _label_of_frame(path: Path, frame: np.ndarray, recording: Recording, roles: Roles) -> Label:
    if frame.ndim == 3 and frame.shape[2] == 1:
        frame = frame[..., 0]
    if frame.ndim == 2:
        return label_of_values(path, frame, roles, is_lossy=recording.is_lossy)
    if recording.channels or frame.shape[2] not in (3, 4) or _is_one_hot(frame):
        planes = np.moveaxis(frame, -1, 0)
        return label_of_planes(path, planes, len(planes), roles, "channels")
    return label_of_colours(path, frame, roles, is_lossy=recording.is_lossy)


def _is_one_hot(frame: np.ndarray) -> bool:
    """Whether three or four samples are classes rather than colours: one of them is 1, or they add up to one."""
    if frame.dtype.kind == "f":
        return bool((np.abs(frame.sum(axis=-1) - 1) < _SUM_TOLERANCE).all())
    return bool(frame.max(initial=0) == 1 and (np.count_nonzero(frame, axis=-1) == 1).all())


def _one_plane(page: np.ndarray) -> Any:
    return np.any(page, axis=-1) if page.ndim == 3 else page


def _checked(path: Path, frame: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    height, width = frame.shape[:2]
    if (height, width) != tuple(shape):
        hint = " It is rotated by 90 degrees: rotate it back." if (width, height) == tuple(shape) else ""
        if not hint and abs(height * shape[1] / (width * shape[0]) - 1) < _SAME_ASPECT:
            hint = f" It was drawn on a copy resized to {100 * width / shape[1]:.3g} %."
        raise DatasetError(
            f"{path}: the label is {width} x {height} px, but its micrograph {shape[1]} x {shape[0]} px (width x "
            f"height); label the image at its original size.{hint}"
        )
    return frame
