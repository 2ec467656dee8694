"""PNG, JPEG and BMP. Their resolution in dots per inch is not a microscope scale, so they have no pixel size."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.data.formats.palettes import read_palette
from tem_rf.data.formats.recording import Recording, Wanted, check_claimed_size
from tem_rf.errors import ReadError

if TYPE_CHECKING:
    from PIL.Image import Image

_PNG_STAMP = b"\x89PNG\r\n\x1a\n"
_DEPTH_BYTE, _COLOUR_BYTE = 24, 25  # of a PNG


@contextmanager
def open_raster(path: Path, wanted: Wanted) -> Iterator[Recording]:
    """Open an image file with Pillow, which itself rejects more than 179 million pixels as a decompression bomb."""
    from PIL import Image

    notes = _check_png(path)
    with Image.open(path, formats=("PNG", "JPEG", "BMP")) as image:
        shape = (image.height, image.width, max(3, len(image.getbands())) if image.mode != "L" else 1)
        check_claimed_size(path, shape, np.dtype(np.uint8), path.stat().st_size, compressed=True)
        if wanted.as_label and image.mode == "P":
            frame, note = _palette_label(image)
            notes += (note,) if note else ()
            yield Recording(1, lambda index: frame, notes=notes, metadata={"format": image.format})
            return
        target = _target_mode(image, wanted.as_label)
        yield Recording(
            1,
            lambda index: np.array(image.convert(target)),
            notes=notes,
            metadata={"format": image.format},
            is_lossy=image.format == "JPEG",
        )


def _target_mode(image: "Image", as_label: bool) -> str:
    if as_label and image.mode in ("LA", "PA", "La"):
        return "RGBA"
    return "RGB" if image.mode in ("P", "LA", "PA", "CMYK", "YCbCr") else image.mode


def _palette_label(image: "Image") -> tuple[np.ndarray, str]:
    indices = np.array(image)
    has_transparency = "transparency" in image.info
    palette = np.array(image.getpalette("RGBA" if has_transparency else "RGB"), np.uint8)
    return read_palette(indices, palette.reshape(-1, 4 if has_transparency else 3))


def _check_png(path: Path) -> tuple[str, ...]:
    """Reject a PNG with a chunk longer than the file, for which Pillow would allocate memory; return notes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(_PNG_STAMP)) != _PNG_STAMP:
            return ()
        while len(head := file.read(8)) == 8:
            (length,) = struct.unpack(">I", head[:4])
            if file.tell() + length > size:
                raise ReadError(
                    f"{path}: a chunk of {length} bytes extends beyond the end of the file at {size}; "
                    "it is truncated or damaged, copy it again."
                )
            file.seek(length + 4, 1)  # the data and their checksum
        file.seek(0)
        header = file.read(_COLOUR_BYTE + 1)
    if len(header) > _COLOUR_BYTE and header[_DEPTH_BYTE] == 16 and header[_COLOUR_BYTE] & 2:
        return ("its colours have 16 bits, of which the upper 8 were used; save it as grey to keep all of them",)
    return ()
