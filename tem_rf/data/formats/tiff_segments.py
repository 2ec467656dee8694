"""Strips and tiles of a TIFF: whether they are all there, and byte counts that are wrong set right."""

import struct
from pathlib import Path
from typing import Any

from tem_rf.data.formats.recording import check_claimed_bytes
from tem_rf.errors import ReadError

_UNCOMPRESSED = 1
_TYPE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}  # others have one


def mend_segments(path: Path, pages: list[Any]) -> tuple[str, ...]:
    """See that the pixels of all pages lie in the file; a byte count of 0 or beyond the end is worked out instead.

    Args:
        path: The file.
        pages: tifffile's pages, whose byte counts are changed where they are wrong.

    Returns:
        Notes on what was changed.

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
                    f"{path}: image data at bytes {offset} to {offset + count} are missing, the file ends at {size}; "
                    "it is truncated or damaged, copy it again."
                )
            mended += 1
        if counts != list(page.databytecounts):
            page.databytecounts = tuple(counts)
    return (f"{mended} byte counts in its header are wrong; the pixels are all there",) if mended else ()


def check_last_page(path: Path, tiff: Any) -> tuple[str, ...]:
    """A note where the list of pages breaks off; tifffile reads as far as it goes.

    Raises:
        ReadError: Values of the last page are missing, too: the end of the file is lost.
    """
    layout, file, last = tiff.tiff, tiff.filehandle, tiff.pages[-1]
    file.seek(last.offset)
    (tags,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
    entries = file.read(tags * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, file.read(layout.offsetsize))
    if not following:
        return ()
    size = path.stat().st_size
    farthest = max(
        _end_of_value(layout, entries[at : at + layout.tagsize])
        for at in range(0, tags * layout.tagsize, layout.tagsize)
    )
    if following >= size and farthest > size:
        raise ReadError(
            f"{path}: holds {len(tiff.pages)} pages, and what follows up to byte {max(following, farthest)} is "
            f"missing, the file ends at {size}; it is truncated or damaged, copy it again."
        )
    pages = "its page was" if len(tiff.pages) == 1 else f"its {len(tiff.pages)} pages were"
    return (
        f"{pages} read; it points to a further one at byte {following} that is none: if pages are missing, copy it "
        "again",
    )


def _end_of_value(layout: Any, entry: bytes) -> int:
    """Where the value of a tag ends, if it lies outside of the tag; otherwise 0."""
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
    """Bytes of a row, which starts with a new byte."""
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
