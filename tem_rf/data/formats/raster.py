"""PNG, JPEG and BMP; their resolution in dots per inch is no microscope scale, so they carry no pixel size."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tem_rf.data.formats.recording import Recording, check_claimed_size
from tem_rf.errors import ReadError

_PNG_STAMP = b"\x89PNG\r\n\x1a\n"


@contextmanager
def open_raster(path: Path) -> Iterator[Recording]:
    """Open an image file with Pillow, which itself refuses more than 179 million pixels as a decompression bomb."""
    from PIL import Image

    _check_png_chunks(path)
    with Image.open(path, formats=("PNG", "JPEG", "BMP")) as image:
        if image.mode in ("P", "LA", "PA", "CMYK", "YCbCr"):
            channels, target = 3, "RGB"
        else:
            channels, target = len(image.getbands()), image.mode
        shape = (image.height, image.width, channels)
        check_claimed_size(path, shape, np.dtype(np.uint8), path.stat().st_size, compressed=True)
        yield Recording(1, lambda index: np.array(image.convert(target)), metadata={"format": image.format})


def _check_png_chunks(path: Path) -> None:
    """Refuse a PNG with a chunk longer than the file, for which Pillow would ask that much memory."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(_PNG_STAMP)) != _PNG_STAMP:
            return
        while len(head := file.read(8)) == 8:
            (length,) = struct.unpack(">I", head[:4])
            if file.tell() + length > size:
                raise ReadError(
                    f"{path}: a part of {length} bytes reaches beyond its end at {size}; "
                    "it is truncated or damaged, copy it again."
                )
            file.seek(length + 4, 1)  # the data and their checksum
