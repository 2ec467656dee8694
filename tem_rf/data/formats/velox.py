"""EMD from Velox, read directly: rosettasciio needs an additional package if a file also holds spectra."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.formats.choice import choose_name
from tem_rf.data.formats.hdf5 import check_dataset
from tem_rf.data.formats.recording import Recording, Wanted
from tem_rf.data.frame_interval import interval_s
from tem_rf.data.pixel_size import is_reciprocal, length_nm
from tem_rf.errors import ReadError


@contextmanager
def open_velox(path: Path, wanted: Wanted) -> Iterator[Recording]:
    """Open the detector image of a Velox file; calculated element maps have lower priority.

    Raises:
        ReadError: There is no image, or only diffraction patterns.
    """
    import h5py

    with h5py.File(path, "r") as file:
        groups = file["Data"].get("Image")
        candidates = [(group["Data"], _metadata(group)) for group in (groups or {}).values()]
        images = [candidate for candidate in candidates if not is_reciprocal(_unit(candidate[1]))]
        if not images:
            held = "diffraction patterns" if candidates else "spectra"
            raise ReadError(f"{path}: holds {held} and no image; expected a micrograph, leave this file out.")
        dataset, metadata = _choose(path, images, wanted)
        check_dataset(path, dataset)
        if dataset.ndim != 3 or dataset.dtype.kind not in "uif":
            raise ReadError(f"{path}: shape {dataset.shape} of {dataset.dtype}; expected (height, width, frames).")
        detector = str(metadata["BinaryResult"].get("Detector", "image"))
        is_chosen = wanted.array is not None
        notes = (f"took {detector!r}, one of {len(images)} images",) if len(images) > 1 and not is_chosen else ()
        yield Recording(
            dataset.shape[2],
            lambda index: np.ascontiguousarray(dataset[:, :, index]),
            _pixel_sides(metadata),
            notes,
            {"format": "EMD (Velox)", "detector": detector},
            interval_s((metadata.get("Scan") or {}).get("FrameTime"), "s"),
        )


def _choose(path: Path, images: list[tuple[Any, dict[str, Any]]], wanted: Wanted) -> tuple[Any, dict[str, Any]]:
    """The image of the requested detector, or the one that was recorded rather than calculated."""
    if wanted.array is None:
        return max(images, key=_preference)
    names = [str(metadata["BinaryResult"].get("Detector", "image")) for _, metadata in images]
    return images[names.index(choose_name(path, names, wanted))]


def _preference(candidate: tuple[Any, dict[str, Any]]) -> tuple[bool, int]:
    dataset, metadata = candidate
    return "DetectorIndex" in metadata["BinaryResult"], dataset.shape[0] * dataset.shape[1]


def _metadata(group: Any) -> dict[str, Any]:
    """Metadata of the first frame: JSON in a column of bytes, padded with zeros."""
    text = group["Metadata"][:, 0].tobytes().split(b"\0", 1)[0]
    return json.loads(text)


def _unit(metadata: dict[str, Any]) -> str:
    return str(metadata["BinaryResult"].get("PixelUnitX", ""))


def _pixel_sides(metadata: dict[str, Any]) -> tuple[float, float] | None:
    size = metadata["BinaryResult"].get("PixelSize", {})
    y, x = (length_nm(float(size.get(key, 0)), _unit(metadata)) for key in ("height", "width"))
    return (y, x) if y and x else None
