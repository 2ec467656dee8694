"""Strips and tiles of a TIFF: check that they are complete, and correct wrong byte counts."""

import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.formats.recording import check_claimed_bytes
from tem_rf.errors import ReadError

_UNCOMPRESSED = 1
_TYPE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}  # others have one


def mend_segments(path: Path, pages: list[Any]) -> tuple[str, ...]:
    """Check that the pixels of all pages are in the file. Byte counts of 0 or beyond the end are recalculated.

    Args:
        path: The file.
        pages: tifffile's pages, whose byte counts are corrected if they are wrong.

    Returns:
        Notes on the corrections.

    Raises:
        ReadError: Pixels are missing.
    """
    size, mended = path.stat().st_size, 0
    keyframe = pages[0].keyframe
    is_compressed = keyframe.compression != _UNCOMPRESSED
    check_claimed_bytes(path, _row_bytes(keyframe) * _rows(keyframe), size, is_compressed)
    for page in pages:
        counts = list(page.databytecounts)
        starts = sorted({*page.dataoffsets, size})
        for number, (offset, count) in enumerate(zip(page.dataoffsets, counts, strict=False)):
            if count > 0 and offset + count <= size:
                continue
            if is_compressed:
                counts[number] = next((start for start in starts if start > offset), size) - offset
            else:
                counts[number] = _segment_bytes(page, number)
            if offset == 0 or counts[number] <= 0 or offset + counts[number] > size:
                raise ReadError(
                    f"{path}: image data at bytes {offset} to {offset + count} are missing, since the file ends at "
                    f"{size}; it is truncated or damaged, copy it again."
                )
            mended += 1
        if counts != list(page.databytecounts):
            page.databytecounts = tuple(counts)
    return (f"{mended} byte counts in its header are wrong; the pixels are all there",) if mended else ()


@dataclass(frozen=True)
class PageSeries:
    """The complete pages of a file whose list of pages is damaged at the end; attributes as for tifffile's series."""

    pages: list[Any]
    name: str = ""
    dataoffset: None = None

    @property
    def keyframe(self) -> Any:
        """The first page."""
        return self.pages[0]

    @property
    def axes(self) -> str:
        """Axes of a page, preceded by one for pages if there are several."""
        return ("I" if len(self.pages) > 1 else "") + str(self.keyframe.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return (*((len(self.pages),) if len(self.pages) > 1 else ()), *self.keyframe.shape)

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels."""
        return np.dtype(self.keyframe.dtype)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))


def series_of_pages(path: Path, tiff: Any) -> tuple[list[Any], tuple[str, ...]]:
    """The image series of a file, and notes; if the list of pages is damaged at the end, the pages before the damage.

    Raises:
        ReadError: The end of the file is missing.
    """
    whole = _whole_pages(tiff)
    if whole is None:
        return _appended(list(tiff.series)), _check_last_page(path, tiff)
    first = whole[0]
    alike = [page for page in whole if (page.shape, page.dtype, page.axes) == (first.shape, first.dtype, first.axes)]
    note = f"its list of pages is damaged after {len(whole)}, which were read; if pages are missing, copy it again"
    return [PageSeries(alike)], (note,)


def _appended(every: list[Any]) -> list[Any]:
    """One series in place of images of the same form that tifffile appended one by one, each with its own shape."""
    if len(every) > 1 and all(series.kind == "shaped" and len(series.pages) == 1 for series in every):
        forms = {(series.keyframe.shape, str(series.dtype), series.keyframe.axes, series.name) for series in every}
        if len(forms) == 1:
            return [PageSeries([series.keyframe for series in every])]
    return every


def _whole_pages(tiff: Any) -> list[Any] | None:
    """The pages before the damage; None if the last page is complete."""
    with suppress(Exception):  # tifffile can raise any exception on damaged files
        if _is_whole(tiff.pages[-1]):
            return None
    found: list[Any] = []
    with suppress(Exception):
        while _is_whole(page := tiff.pages[len(found)]):
            found.append(page)
    if not found:
        raise ValueError("its first page is damaged")
    return found


def _is_whole(page: Any) -> bool:
    keyframe = page.keyframe
    return bool(keyframe.imagewidth and keyframe.imagelength and page.dataoffsets and keyframe.dtype is not None)


def _check_last_page(path: Path, tiff: Any) -> tuple[str, ...]:
    """A note if the list of pages breaks off; tifffile reads the pages before.

    Raises:
        ReadError: Values of the last page are missing, too, so the end of the file is missing.
    """
    layout, file, last = tiff.tiff, tiff.filehandle, tiff.pages[-1]
    file.seek(last.offset)
    (tags,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
    entries = file.read(tags * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, file.read(layout.offsetsize))
    if not following:
        return ()
    size = path.stat().st_size
    starts = range(0, tags * layout.tagsize, layout.tagsize)
    farthest = max((_end_of_value(layout, entries[at : at + layout.tagsize]) for at in starts), default=0)
    if following >= size and farthest > size:
        raise ReadError(
            f"{path}: holds {len(tiff.pages)} pages, and the data after them up to byte {max(following, farthest)} are "
            f"missing, since the file ends at {size}; it is truncated or damaged, copy it again."
        )
    pages = "its page was" if len(tiff.pages) == 1 else f"its {len(tiff.pages)} pages were"
    return (
        f"{pages} read; its link to a further page at byte {following} is invalid: if pages are missing, copy it again",
    )


def _end_of_value(layout: Any, entry: bytes) -> int:
    """End of the value of a tag, if it is stored outside the tag; otherwise 0."""
    order = layout.offsetformat[0]
    (kind,) = struct.unpack(order + "H", entry[2:4])
    middle = (4 + layout.tagsize) // 2
    count, offset = (
        int.from_bytes(part, "big" if order == ">" else "little") for part in (entry[4:middle], entry[middle:])
    )
    length = _TYPE_BYTES.get(kind, 1) * count
    return offset + length if length > layout.tagsize - middle else 0


def _rows(page: Any) -> int:
    return int(page.imagelength * page.imagedepth)


def _row_bytes(page: Any, width: int | None = None) -> int:
    """Bytes per row; each row starts with a new byte."""
    return -(-(width or page.imagewidth) * page.samplesperpixel * _bits(page) // 8)


def _bits(page: Any) -> int:
    bits = page.bitspersample
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _segment_bytes(page: Any, number: int) -> int:
    """Bytes of an uncompressed strip or tile."""
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    if page.is_tiled:
        row = -(-page.tilewidth * samples * _bits(page) // 8)
        return int(row * page.tilelength * page.tiledepth)
    row = -(-page.imagewidth * samples * _bits(page) // 8)
    strips = -(-page.imagelength // page.rowsperstrip)
    rows = min(page.rowsperstrip, page.imagelength - (number % strips) * page.rowsperstrip)
    return int(row * rows)
