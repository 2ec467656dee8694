"""HDF5 as the published sets use it: a dataset `images` in one file, `labels` or `maps` in another."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.formats.arrays import IMAGE_NAMES, PIXEL_SIZE_NAME, choose_name
from tem_rf.data.formats.recording import Recording, check_claimed_size, frames_of
from tem_rf.data.pixel_size import length_nm


@contextmanager
def open_hdf5(path: Path, names: tuple[str, ...] = IMAGE_NAMES) -> Iterator[Recording]:
    """Open the first dataset of an HDF5 file that has one of `names`, or its only one; frames are read one by one."""
    import h5py

    with h5py.File(path, "r") as file:
        name = choose_name(path, [key for key, value in file.items() if isinstance(value, h5py.Dataset)], names)
        dataset = file[name]
        check_dataset(path, dataset)
        sides = _pixel_sides(file, dataset)
        yield Recording(*frames_of(path, dataset, f"{name!r}"), sides, metadata={"format": "HDF5", "dataset": name})


def check_dataset(path: Path, dataset: Any) -> None:
    """Refuse a dataset, or a chunk of one, that claims more than the file can hold.

    Raises:
        ReadError: The claim cannot be true.
    """
    size = path.stat().st_size
    check_claimed_size(path, dataset.shape, dataset.dtype, size, compressed=dataset.chunks is not None)
    if dataset.chunks is not None:
        check_claimed_size(path, dataset.chunks, np.dtype(dataset.dtype), size, compressed=True)
        if prod(dataset.shape) and dataset.id.get_storage_size() == 0:
            check_claimed_size(path, dataset.shape, dataset.dtype, 0, compressed=True)


def _pixel_sides(file: Any, dataset: Any) -> tuple[float, float] | None:
    value = dataset.attrs.get(PIXEL_SIZE_NAME, file.attrs.get(PIXEL_SIZE_NAME))
    side = None if value is None else length_nm(float(value), "nm")
    return (side, side) if side else None
