"""TIFF: ImageJ, OME, and the files of microscopes (FEI, TVIPS, DigitalMicrograph, Olympus SIS)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.formats.choice import choose_name
from tem_rf.data.formats.palettes import INVERTING_NOTE, read_palette
from tem_rf.data.formats.recording import Frames, Recording, Wanted, check_claimed_size, frames_of
from tem_rf.data.formats.tiff_scale import is_calibrated, read_pixel_sides
from tem_rf.data.formats.tiff_segments import mend_segments, series_of_pages
from tem_rf.data.frame_interval import interval_s
from tem_rf.data.scratch import held_or_mapped
from tem_rf.errors import ReadError

_MIN_IS_WHITE, _RGB, _PALETTE, _YCBCR = 0, 2, 3, 6
_COLOURS = (_RGB, _PALETTE, 5, _YCBCR)  # 5: CMYK
_LOSSY = (6, 7, 33003, 33004, 33005, 33007, 34712, 34892, 34934, 50001, 50002)  # JPEG and its kin, WebP
_ALPHA = (1, 2)
_PREVIEW = 0.5  # an image with fewer pixels than this fraction of the largest one is a thumbnail


@contextmanager
def open_tiff(path: Path, wanted: Wanted) -> Iterator[Recording]:
    """Open a TIFF file.

    If it holds several series of images, data take precedence over previews: the series with the most pixels; among
    those of similar size, grey before colour, and those with a scale first.
    """
    import tifffile

    # OME metadata may refer to other files anywhere; only this file was requested.
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        every, notes = series_of_pages(path, tiff)
        series = _choose_series(path, every, wanted)
        pages = [page for page in series.pages if page is not None]
        if not pages:
            raise ReadError(f"{path}: its images are in other files; use those, or save all images in one file.")
        notes += mend_segments(path, pages)
        if len(pages) < len(series.pages):
            notes += (f"{len(series.pages) - len(pages)} of its {len(series.pages)} images are in other files",)
        frames = _frames(path, tiff, series, pages, wanted)
        show, more = _show(tiff, series.keyframe, wanted)
        sides = read_pixel_sides(path, tiff, series.keyframe)
        yield Recording(
            frames.count,
            lambda index: show(frames.read_frame(index)),
            sides,
            notes + more + _notes(tiff, every, series, wanted),
            {"format": "TIFF", "written_by": _writers(tiff)},
            _frame_interval_s(tiff),
            channels=frames.channels,
            is_lossy=series.keyframe.compression in _LOSSY,
        )


def _writers(tiff: Any) -> list[str]:
    """Programs that left their tags in the file; none if damaged pages prevent the search."""
    with suppress(Exception):
        return sorted(tiff.flags - {"uniform"})
    return []


def _frame_interval_s(tiff: Any) -> float | None:
    """ImageJ's frame interval; in seconds if no unit is given."""
    imagej = tiff.imagej_metadata or {}
    return interval_s(imagej.get("finterval"), imagej.get("tunit", "s"))


def _choose_series(path: Path, every: list[Any], wanted: Wanted) -> Any:
    if wanted.array is not None:
        names = [series.name or str(number) for number, series in enumerate(every, start=1)]
        if wanted.array.isdigit() and 1 <= int(wanted.array) <= len(names):
            return every[int(wanted.array) - 1]
        return every[names.index(choose_name(path, names, wanted))]
    most = max(map(_pixels, every))
    return max((series for series in every if _pixels(series) >= _PREVIEW * most), key=_preference)


def _pixels(series: Any) -> int:
    """Pixels, not samples; colour has three samples per pixel."""
    samples = series.axes.find("S")
    return series.size // (series.shape[samples] if samples >= 0 else 1)


def _preference(series: Any) -> tuple[bool, bool, bool, int]:
    page = series.keyframe
    return not page.is_reduced, page.photometric not in _COLOURS, is_calibrated(page), _pixels(series)


def _notes(tiff: Any, every: list[Any], series: Any, wanted: Wanted) -> tuple[str, ...]:
    notes = []
    if len(every) > 1 and wanted.array is None:
        number = every.index(series) + 1
        notes.append(f"used image {number} of {len(every)}, {series.shape[-1]} px wide ({series.dtype})")
    scanned_rows = ((tiff.fei_metadata or {}).get("Image") or {}).get("ResolutionY")
    rows = series.keyframe.imagelength
    if isinstance(scanned_rows, int) and 0 < scanned_rows < rows:
        notes.append(f"its last {rows - scanned_rows} rows are the data bar of the microscope; crop them")
    return tuple(notes)


def _show(tiff: Any, page: Any, wanted: Wanted) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[str, ...]]:
    """The function that converts stored data to values, and notes."""
    if page.photometric == _PALETTE and wanted.as_label and page.colormap is not None:
        palette = np.moveaxis(np.asarray(page.colormap) >> 8, 0, -1).astype(np.uint8)
        return lambda frame: read_palette(frame, palette)[0], ()
    if wanted.as_label and page.samplesperpixel == 2 and _has_alpha(page):
        return lambda frame: frame[..., [0, 0, 0, 1]], ()
    if page.photometric != _MIN_IS_WHITE:
        return lambda frame: frame, ()
    if wanted.as_label and tiff.is_imagej:
        return lambda frame: frame, (INVERTING_NOTE,)
    if page.dtype.kind not in "ub":
        return lambda frame: frame, ("is displayed inverted (MinIsWhite); the stored values were used",)
    most = 2**page.bitspersample - 1
    note = "stored inverted (MinIsWhite); read as displayed by image viewers"
    return lambda frame: ~frame if frame.dtype == bool else (most - frame).astype(frame.dtype), (note,)


def _frames(path: Path, tiff: Any, series: Any, pages: list[Any], wanted: Wanted) -> Frames:
    axes, shape = series.axes, tuple(series.shape)
    lead = axes.replace("S", "")[:-2]
    if "".join(axis for axis in axes if axis != "S")[len(lead) :] != "YX" or axes.count("S") > 1:
        raise ReadError(f"{path}: axes {axes} with shape {shape}; expected an image (YX) or a stack of images.")
    if series.dataoffset is not None:  # one contiguous block, for any number of frames according to ImageJ
        check_claimed_size(path, shape, series.dtype, path.stat().st_size - series.dataoffset, compressed=False)
        block = np.memmap(path, tiff.byteorder + series.dtype.char, mode="r", offset=series.dataoffset, shape=shape)
        if axes == lead + "YX" and _is_channels_last(shape):
            return frames_of(path, block, wanted=wanted)
        frame_axes = axes[-3:] if "S" in axes else axes[-2:]
        planes = block.reshape(-1, *shape[len(axes) - len(frame_axes) :])  # (..., h, w) -> (n, h, w)

        def read_plane(number: int) -> np.ndarray:
            return _samples_last(held_or_mapped(planes[number]), frame_axes)

        count = len(planes)
    else:
        if axes == lead + "YX" and _is_channels_last(shape):
            return frames_of(path, series.asarray(), wanted=wanted)
        count = len(pages)

        def read_plane(number: int) -> np.ndarray:
            return _samples_last(_read_page(path, pages[number]), pages[number].axes)

    lengths = [shape[axes.index(axis)] for axis in lead]
    numbers = np.arange(count).reshape(lengths if prod(lengths) == count else count)
    if "C" in lead and prod(lengths) == count and lengths[lead.index("C")] > 1:
        return _frames_of_channels(path, np.moveaxis(numbers, lead.index("C"), -1), read_plane)
    return Frames(count, read_plane, _sample_channels(series.keyframe))


def _is_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether rows of pages hold so few pixels that they are channels of one image, saved as pages by mistake."""
    return len(shape) == 3 and 2 <= shape[-1] <= 4 < min(shape[:2])


def _frames_of_channels(path: Path, numbers: np.ndarray, read_plane: Callable[[int], np.ndarray]) -> Frames:
    """Frames whose channels are separate planes, those of a frame in the last axis of `numbers`."""
    of_frame = numbers.reshape(-1, numbers.shape[-1])

    def read_frame(index: int) -> np.ndarray:
        planes = [read_plane(int(number)) for number in of_frame[index]]
        if planes[0].ndim > 2:
            raise ReadError(f"{path}: its {len(planes)} channels are colour images; save one of them separately.")
        return np.stack(planes, axis=-1)

    return Frames(len(of_frame), read_frame, of_frame.shape[1])


def _sample_channels(page: Any) -> int:
    """Samples per pixel that are neither colours nor opacity."""
    samples = page.samplesperpixel
    return samples if samples > 1 and page.photometric not in _COLOURS and not _has_alpha(page) else 0


def _has_alpha(page: Any) -> bool:
    return any(extra in _ALPHA for extra in page.extrasamples or ())


def _samples_last(frame: np.ndarray, axes: str) -> np.ndarray:
    return np.moveaxis(frame, axes.index("S"), -1) if "S" in axes else frame


def _read_page(path: Path, page: Any) -> np.ndarray:
    try:
        return page.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
    return _read_with_pillow(path, page)


def _read_with_pillow(path: Path, page: Any) -> np.ndarray:
    """LZW and JPEG inside TIFF: tifffile needs imagecodecs for these, Pillow has its own decoder."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.seek(page.index)
            pixels = np.asarray(image)
    except UnidentifiedImageError:
        pixels = np.empty(0)
    if pixels.shape != page.shape:
        bits = f"{page.bitspersample}-bit pixels, compression {page.compression.name}"
        raise ReadError(
            f"{path}: {bits}, needs a package that is not installed; pip install 'tem-rf[formats]', or save it "
            "with 8 or 16 bits and without compression."
        )
    if page.photometric == _MIN_IS_WHITE and pixels.dtype != bool:
        pixels = 2**page.bitspersample - 1 - pixels  # Pillow returns the displayed values; the stored ones are needed
    return pixels.astype(page.dtype)
