"""DM3, DM4, NCEM's EMD, HSPY and ZSPY, read by rosettasciio (the extra `formats`)."""

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tem_rf.data.formats.choice import choose_name
from tem_rf.data.formats.recording import Recording, Wanted, check_claimed_size, frames_of
from tem_rf.data.frame_interval import interval_s
from tem_rf.data.pixel_size import is_reciprocal, is_spectral, length_nm
from tem_rf.errors import ReadError
from tem_rf.files import parse_json

Kind = Literal["digitalmicrograph", "emd", "hspy", "zspy"]
"""Names of rosettasciio modules."""

_CHUNKED: tuple[Kind, ...] = ("emd", "hspy", "zspy")
_COLOUR_TYPES = (8, 23)  # of Digital Micrograph
_SPECTRAL_SIGNALS = ("eels", "eds", "cl", "luminescence", "xps", "raman", "spectrum")


@contextmanager
def open_microscope_file(path: Path, wanted: Wanted, kind: Kind) -> Iterator[Recording]:
    """Open a file and choose its image if it holds several signals. Pixels stay on disk until requested.

    Args:
        path: The file.
        wanted: The requested array, named by the title of its signal.
        kind: The rosettasciio module that reads it.

    Raises:
        ReadError: rosettasciio is missing, or the file holds only spectra or diffraction patterns.
    """
    if path.is_dir():
        _check_folder(path)
    reader = _reader(path, kind)
    is_colour = kind == "digitalmicrograph" and _is_colour(path)
    signals = reader.file_reader(str(path), lazy=not is_colour)
    signal = _choose_image(path, signals, wanted)
    data = _upright(signal)
    check_claimed_size(path, data.shape, data.dtype, _stored_bytes(path), kind in _CHUNKED)
    is_chosen = wanted.array is not None
    notes = (f"took {_name(signal)!r}, one of {len(signals)} signals",) if len(signals) > 1 and not is_chosen else ()
    if signal["data"].dtype.names:
        wanted = replace(wanted, frame_shape=data.shape[-3:-1])
    frames = frames_of(path, data, wanted=wanted)
    yield Recording(
        frames.count,
        frames.read_frame,
        _pixel_sides(signal),
        notes,
        _metadata(signal, path),
        _frame_interval_s(signal),
        channels=0 if signal["data"].dtype.names else frames.channels,
    )


def has_rosettasciio() -> bool:
    """Whether rosettasciio is installed."""
    try:
        importlib.import_module("rsciio")
    except ImportError:
        return False
    return True


def _is_colour(path: Path) -> bool:
    """Whether a Digital Micrograph file holds a colour image, which rosettasciio reads all at once or not at all.

    Raises:
        ReadError: It claims more pixels than it contains, which rosettasciio would allocate.
    """
    from rsciio.digitalmicrograph._api import DigitalMicrographReader

    with path.open("rb") as file:
        header = DigitalMicrographReader(file)
        header.parse_file()
        images = [image["ImageData"] for image in header.get_image_dictionaries() or []]
    is_colour = any(image.get("DataType") in _COLOUR_TYPES for image in images)
    for image in images if is_colour else []:
        claimed = (int(image["Data"]["size"]),)
        check_claimed_size(path, claimed, np.dtype(np.uint8), path.stat().st_size, compressed=False)
    return is_colour


def _check_folder(path: Path) -> None:
    """Reject a ZSPY folder that links to files outside it, or with pickled arrays, which zarr would unpickle."""
    for file in path.rglob("*"):
        if file.is_symlink():
            raise ReadError(f"{path}: {file.name} is a link to another file, which is not read; copy the file itself.")
        if file.name in (".zarray", "zarr.json") and "pickle" in json.dumps(parse_json(file.read_bytes())):
            raise ReadError(f"{path}: {file.parent.name} is pickled, which can run code; save it as numbers.")


def _reader(path: Path, kind: Kind) -> Any:
    try:
        return importlib.import_module(f"rsciio.{kind}")
    except ImportError as error:
        missing = error.name or "rosettasciio"
        of_the_extra = missing.partition(".")[0] in ("rsciio", "zarr", "numcodecs")
        command = "pip install 'tem-rf[formats]'" if of_the_extra else f"pip install {missing}"
        raise ReadError(
            f"{path}: {path.suffix.upper()[1:]} files need packages that are not installed; {command}"
        ) from error


def _choose_image(path: Path, signals: list[dict[str, Any]], wanted: Wanted) -> dict[str, Any]:
    if wanted.array is not None:
        names = [_name(signal) for signal in signals]
        signals = [signals[names.index(choose_name(path, names, wanted))]]
    images = [signal for signal in signals if _kind(signal) == "image"]
    if images:
        return max(images, key=lambda signal: np.prod(signal["data"].shape[-2:]))
    if not signals:
        raise ReadError(f"{path}: holds no image; expected a micrograph, leave this file out.")
    held = ", ".join(f"{_kind(signal)} ({_name(signal)!r})" for signal in signals[:4])
    raise ReadError(f"{path}: holds {held} and no image; expected a micrograph, leave this file out.")


def _kind(signal: dict[str, Any]) -> str:
    axes, data = signal["axes"], signal["data"]
    units = [str(axis.get("units")) for axis in axes]
    if _is_spectrum(signal, units) or data.ndim < 2 or data.shape[-1] == 1 or data.shape[-2] == 1:
        return "a spectrum"
    if any(map(is_reciprocal, units)):
        return "a diffraction pattern"
    if data.ndim > 3:
        return f"{data.ndim}-dimensional data"
    return "a complex image" if data.dtype.kind == "c" else "image"


def _is_spectrum(signal: dict[str, Any], units: list[str]) -> bool:
    """Whether an axis has units of energy or wavelength, or the file declares the signal a spectrum."""
    if any(map(is_spectral, units)) or any("wavelength" in str(axis.get("name")).casefold() for axis in signal["axes"]):
        return True
    kind = str(signal["metadata"].get("Signal", {}).get("signal_type") or "").casefold()
    signal_axes = [axis for axis in signal["axes"] if not axis.get("navigate")]
    has_one_signal_axis = len(signal_axes) == 1 and len(signal["axes"]) > 1
    return has_one_signal_axis or kind.partition("_")[0] in _SPECTRAL_SIGNALS


def _upright(signal: dict[str, Any]) -> Any:
    """Rows from top to bottom: rosettasciio flips NCEM files whose first direction is Y, and names the axes so."""
    data = signal["data"]
    if data.dtype.names:  # colour, as a structure of R, G, B
        return np.stack([np.asarray(data[name]) for name in data.dtype.names[:3]], axis=-1)
    names = [str(axis.get("name")).casefold() for axis in signal["axes"]]
    return data.swapaxes(-1, -2) if names[-2:] == ["x", "y"] else data


def _pixel_sides(signal: dict[str, Any]) -> tuple[float, float] | None:
    y, x = (length_nm(axis.get("scale", 0), axis.get("units")) for axis in signal["axes"][-2:])
    names = [str(axis.get("name")).casefold() for axis in signal["axes"]]
    if names[-2:] == ["x", "y"]:
        y, x = x, y
    return (y, x) if y and x else None


def _frame_interval_s(signal: dict[str, Any]) -> float | None:
    """Step of the first of three axes, if it is a time axis."""
    first, *others = signal["axes"]
    return interval_s(first.get("scale"), first.get("units")) if len(others) == 2 else None


def _stored_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _name(signal: dict[str, Any]) -> str:
    return str(signal["metadata"].get("General", {}).get("title") or "untitled")


def _metadata(signal: dict[str, Any], path: Path) -> dict[str, Any]:
    metadata = {"format": path.suffix.upper()[1:], "title": _name(signal)}
    microscope = signal["metadata"].get("Acquisition_instrument", {}).get("TEM", {})
    for key in ("beam_energy", "magnification", "microscope", "acquisition_mode"):
        if isinstance(microscope.get(key), str | int | float | np.number):
            value = microscope[key]
            metadata[key] = value.item() if isinstance(value, np.number) else value
    return metadata
