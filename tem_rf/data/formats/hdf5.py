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
from tem_rf.errors import ReadError


@contextmanager
def open_hdf5(path: Path, names: tuple[str, ...] = IMAGE_NAMES) -> Iterator[Recording]:
    """Open the first dataset of an HDF5 file that has one of `names`, or its only one; frames are read one by one."""
    import h5py

    with h5py.File(path, "r") as file:
        check_file(path, file)
        name = choose_name(path, [key for key, value in file.items() if isinstance(value, h5py.Dataset)], names)
        dataset = file[name]
        check_dataset(path, dataset)
        sides = _pixel_sides(file, dataset)
        yield Recording(*frames_of(path, dataset, f"{name!r}"), sides, metadata={"format": "HDF5", "dataset": name})


def check_path(path: Path) -> None:
    """Hold a file to `check_file` before another reader opens it."""
    import h5py

    with h5py.File(path, "r") as file:
        check_file(path, file)


def check_file(path: Path, file: Any) -> None:
    """Refuse an HDF5 file that shows what lies in other files, or claims more than it can hold, anywhere in it.

    Args:
        path: The file, for the error.
        file: The same, open.

    Raises:
        ReadError: It has an external link, external storage or a virtual dataset, or a claim cannot be true.
    """
    import h5py

    links: list[tuple[str, Any]] = []
    objects: list[tuple[str, Any]] = []
    file.visititems_links(lambda name, link: links.append((name, link)))
    file.visititems(lambda name, found: objects.append((name, found)))
    for name, link in links:
        if isinstance(link, h5py.ExternalLink):
            raise ReadError(_elsewhere(path, name, link.filename))
    for name, dataset in objects:
        if not isinstance(dataset, h5py.Dataset):
            continue
        if dataset.external:
            raise ReadError(_elsewhere(path, name, dataset.external[0][0]))
        if dataset.is_virtual:
            raise ReadError(_elsewhere(path, name, dataset.virtual_sources()[0].file_name))
        if dataset.size:
            compressed = dataset.chunks is not None
            check_claimed_size(path, dataset.shape, dataset.dtype, path.stat().st_size, compressed)


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


def _elsewhere(path: Path, name: str, other: str) -> str:
    return f"{path}: {name!r} is kept in another file ({other}), which is not read; write it into this one."


def _pixel_sides(file: Any, dataset: Any) -> tuple[float, float] | None:
    value = dataset.attrs.get(PIXEL_SIZE_NAME, file.attrs.get(PIXEL_SIZE_NAME))
    side = None if value is None else length_nm(float(value), "nm")
    return (side, side) if side else None
