"""HDF5 as the published sets use it: a dataset `images` in one file, `labels` or `maps` in another."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tem_rf.data.formats.arrays import IMAGE_NAMES, PIXEL_SIZE_NAME, choose_name
from tem_rf.data.formats.recording import Recording, check_claimed_size, frames_of
from tem_rf.data.pixel_size import length_nm


@contextmanager
def open_hdf5(path: Path, names: tuple[str, ...] = IMAGE_NAMES) -> Iterator[Recording]:
    """Open the first dataset of an HDF5 file that has one of `names`, or its only one."""
    import h5py

    with h5py.File(path, "r") as file:
        name = choose_name(path, [key for key, value in file.items() if isinstance(value, h5py.Dataset)], names)
        dataset = file[name]
        compressed = dataset.compression is not None or dataset.chunks is not None
        check_claimed_size(path, dataset.shape, dataset.dtype, path.stat().st_size, compressed)
        sides = _pixel_sides(file, dataset)
        yield Recording(*frames_of(path, dataset, f"{name!r}"), sides, metadata={"format": "HDF5"})


def _pixel_sides(file: Any, dataset: Any) -> tuple[float, float] | None:
    value = dataset.attrs.get(PIXEL_SIZE_NAME, file.attrs.get(PIXEL_SIZE_NAME))
    side = None if value is None else length_nm(float(value), "nm")
    return (side, side) if side else None
