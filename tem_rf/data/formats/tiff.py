"""TIFF: ImageJ, OME, and what microscopes write (FEI, TVIPS, DigitalMicrograph, Olympus SIS)."""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.formats.recording import Recording, check_claimed_size
from tem_rf.data.formats.tiff_scale import read_pixel_sides
from tem_rf.data.frame_interval import interval_s
from tem_rf.data.scratch import held_or_mapped
from tem_rf.errors import ReadError


@contextmanager
def open_tiff(path: Path) -> Iterator[Recording]:
    """Open a TIFF file; the largest image series is taken where it holds several (thumbnails, pyramids)."""
    import tifffile

    # OME metadata may name further files, anywhere; what is asked for is this one.
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        _check_last_page(path, tiff)
        series = max(tiff.series, key=lambda candidate: candidate.size)
        count, read_frame = _frames(path, tiff, series)
        sides = read_pixel_sides(path, tiff, series.keyframe)
        metadata = {"format": "TIFF", "written_by": sorted(tiff.flags - {"uniform"})}
        yield Recording(count, read_frame, sides, _notes(tiff, series), metadata, _frame_interval_s(tiff))


def _frame_interval_s(tiff: Any) -> float | None:
    """ImageJ's; it counts in seconds where it names no unit."""
    imagej = tiff.imagej_metadata or {}
    return interval_s(imagej.get("finterval"), imagej.get("tunit", "s"))


def _check_last_page(path: Path, tiff: Any) -> None:
    """Refuse a file whose list of pages breaks off; tifffile would read as far as it goes."""
    layout, file, last = tiff.tiff, tiff.filehandle, tiff.pages[-1]
    file.seek(last.offset)
    (tags,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
    file.seek(last.offset + layout.tagnosize + tags * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, file.read(layout.offsetsize))
    if following:
        raise ReadError(
            f"{path}: holds {len(tiff.pages)} pages, and a further one at byte {following} cannot be read; "
            "it is truncated or damaged, copy it again."
        )


def _notes(tiff: Any, series: Any) -> tuple[str, ...]:
    notes = []
    if len(tiff.series) > 1:
        notes.append(f"took the largest of {len(tiff.series)} image series")
    scanned_rows = ((tiff.fei_metadata or {}).get("Image") or {}).get("ResolutionY")
    rows = series.keyframe.imagelength
    if isinstance(scanned_rows, int) and 0 < scanned_rows < rows:
        notes.append(f"its last {rows - scanned_rows} rows are the data bar of the microscope; crop them")
    return tuple(notes)


def _frames(path: Path, tiff: Any, series: Any) -> tuple[int, Callable[[int], np.ndarray]]:
    axes, shape = series.axes, series.shape
    planes = len(axes.replace("S", "")) - 2
    if "".join(axis for axis in axes if axis != "S")[planes:] != "YX" or axes.count("S") > 1:
        raise ReadError(f"{path}: axes {axes} with shape {shape}; expected an image (YX) or a stack of images.")
    size = path.stat().st_size
    _check_segments(path, series, size)
    if series.dataoffset is not None:  # one contiguous block, however many frames ImageJ says it holds
        check_claimed_size(path, shape, series.dtype, size - series.dataoffset, compressed=False)
        block = np.memmap(
            path, tiff.byteorder + series.dtype.char, mode="r", offset=series.dataoffset, shape=tuple(shape)
        )
        return _split_block(block, axes)
    pages = [page for page in series.pages if page is not None]
    return len(pages), lambda index: _samples_last(_read_page(path, pages[index]), pages[index].axes)


def _split_block(block: np.ndarray, axes: str) -> tuple[int, Callable[[int], np.ndarray]]:
    frame_axes = axes[-3:] if "S" in axes else axes[-2:]
    frames = block.reshape(-1, *block.shape[len(axes) - len(frame_axes) :])  # (..., h, w) -> (n, h, w)
    return len(frames), lambda index: _samples_last(held_or_mapped(frames[index]), frame_axes)


def _samples_last(frame: np.ndarray, axes: str) -> np.ndarray:
    return np.moveaxis(frame, axes.index("S"), -1) if "S" in axes else frame


def _check_segments(path: Path, series: Any, size: int) -> None:
    page = series.keyframe
    check_claimed_size(path, page.shape, page.dtype, size, compressed=page.compression != 1)
    for page in series.pages:
        if page is None:
            continue
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
            if count == 0 or offset + count > size:
                raise ReadError(
                    f"{path}: image data at bytes {offset} to {offset + count} are missing, the file ends at {size}; "
                    "it is truncated or damaged, copy it again."
                )


def _read_page(path: Path, page: Any) -> np.ndarray:
    try:
        return page.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
    return _read_with_pillow(path, page)


def _read_with_pillow(path: Path, page: Any) -> np.ndarray:
    """LZW and JPEG inside TIFF: tifffile needs imagecodecs for these, Pillow brings its own decoder."""
    from PIL import Image

    with Image.open(path) as image:
        image.seek(page.index)
        pixels = np.asarray(image)
    if pixels.shape != page.shape:
        raise ReadError(f"{path}: compression {page.compression.name} is not understood; save it without compression.")
    return pixels.astype(page.dtype)
