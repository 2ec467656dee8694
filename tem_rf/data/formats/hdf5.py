"""HDF5: a dataset `images` or `labels` as in the published sets, or any dataset that is an image."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tem_rf.data.formats.arrays import PIXEL_SIZE_NAME
from tem_rf.data.formats.choice import choose_name, listed
from tem_rf.data.formats.recording import Recording, Wanted, check_claimed_size, frames_of
from tem_rf.data.pixel_size import length_nm
from tem_rf.errors import ReadError

_MOST_AXES = 5


@contextmanager
def open_hdf5(path: Path, wanted: Wanted) -> Iterator[Recording]:
    """Open the requested dataset of an HDF5 file; frames are read one by one.

    Without a name, it is a top-level dataset with a usual name, the default of a NeXus file, one with a usual name
    anywhere, or the only one that can be an image.

    Raises:
        ReadError: There is none, or there are several and the choice is ambiguous.
    """
    import h5py

    with h5py.File(path, "r") as file:
        check_file(path, file)
        name = _choose(path, file, wanted)
        dataset = file[name]
        check_dataset(path, dataset)
        frames = frames_of(path, dataset, f"{name!r}", wanted)
        notes = (f"took the array {name!r}",) if "/" in name and wanted.array is None else ()
        yield Recording(
            frames.count,
            frames.read_frame,
            _pixel_sides(file, dataset),
            notes,
            {"format": "HDF5", "dataset": name},
            channels=frames.channels,
        )


def hdf5_kind(path: Path) -> Literal["velox", "emd", "hspy", "arrays"]:
    """Identify the program that wrote an HDF5 file, by its content, then by its suffix.

    Raises:
        ReadError: As `check_file`.
    """
    import h5py

    suffix = path.suffix.lower()
    with h5py.File(path, "r") as file:
        if suffix in (".emd", ".hspy"):
            check_file(path, file)
        if "Data" in file and "Version" in file:
            kind: Literal["velox", "emd", "hspy", "arrays"] = "velox"
        elif suffix == ".hspy" or "Experiments" in file:
            kind = "hspy"
        elif suffix == ".emd" or {"version_major", "version_minor"} <= file.attrs.keys():
            kind = "emd"
        else:
            return "arrays"
        check_file(path, file)
    return kind


def check_file(path: Path, file: Any) -> None:
    """Reject an HDF5 file that refers to data in other files, or claims more data than it can contain.

    Args:
        path: The file, for the error.
        file: The same, open.

    Raises:
        ReadError: It has an external link, external storage or a virtual dataset, or claims an impossible size.
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
    """Reject a dataset, or a chunk of one, that claims more data than the file can contain.

    Raises:
        ReadError: The claimed size is impossible.
    """
    size = path.stat().st_size
    check_claimed_size(path, dataset.shape, dataset.dtype, size, compressed=dataset.chunks is not None)
    if dataset.chunks is not None:
        check_claimed_size(path, dataset.chunks, np.dtype(dataset.dtype), size, compressed=True)
        if prod(dataset.shape) and dataset.id.get_storage_size() == 0:
            check_claimed_size(path, dataset.shape, dataset.dtype, 0, compressed=True)


def _choose(path: Path, file: Any, wanted: Wanted) -> str:
    import h5py

    every: dict[str, Any] = {}
    file.visititems(lambda name, found: every.update({name: found} if isinstance(found, h5py.Dataset) else {}))
    if wanted.array is not None:
        return choose_name(path, list(every), wanted)
    top = [name for name in every if "/" not in name]
    if any(name in top for name in wanted.names) or every.keys() == {*top} != set():
        return choose_name(path, top, wanted)
    images = [name for name, dataset in every.items() if _can_be_image(dataset)]
    default = _nexus_default(file)
    if default in images and not wanted.as_label:
        return default
    if not images:
        shapes = listed([f"{name} {dataset.shape}" for name, dataset in every.items()])
        raise ReadError(f"{path}: holds no image; its arrays are {shapes}. Leave this file out.")
    try:
        return choose_name(path, images, wanted)
    except ReadError:
        if len(images) == 1 and not wanted.as_label:
            return images[0]
        raise


def _can_be_image(dataset: Any) -> bool:
    long_axes = [length for length in dataset.shape or () if length > 1]
    return dataset.dtype.kind in "buif" and 2 <= len(long_axes) <= _MOST_AXES


def _nexus_default(file: Any) -> str:
    """Path of the dataset that a NeXus file shows by default; empty if it has none."""
    place, steps = file, 0
    while "default" in place.attrs and _text(place.attrs["default"]) in place and steps < _MOST_AXES:
        place, steps = place[_text(place.attrs["default"])], steps + 1
    if "signal" in place.attrs and _text(place.attrs["signal"]) in place:
        return str(place[_text(place.attrs["signal"])].name).strip("/")
    return ""


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _elsewhere(path: Path, name: str, other: str) -> str:
    return f"{path}: {name!r} is stored in another file ({other}), which is not read; copy it into this file."


def _pixel_sides(file: Any, dataset: Any) -> tuple[float, float] | None:
    value = dataset.attrs.get(PIXEL_SIZE_NAME, file.attrs.get(PIXEL_SIZE_NAME))
    side = None if value is None else length_nm(float(value), "nm")
    return (side, side) if side else None
