"""PNG, JPEG and BMP; their resolution in dots per inch is no microscope scale, so they carry no pixel size."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tem_rf.data.formats.recording import Recording, check_claimed_size


@contextmanager
def open_raster(path: Path) -> Iterator[Recording]:
    """Open an image file with Pillow, which itself refuses more than 179 million pixels as a decompression bomb."""
    from PIL import Image

    with Image.open(path, formats=("PNG", "JPEG", "BMP")) as image:
        if image.mode in ("P", "LA", "PA", "CMYK", "YCbCr"):
            channels, target = 3, "RGB"
        else:
            channels, target = len(image.getbands()), image.mode
        shape = (image.height, image.width, channels)
        check_claimed_size(path, shape, np.dtype(np.uint8), path.stat().st_size, compressed=True)
        yield Recording(1, lambda index: np.array(image.convert(target)), metadata={"format": image.format})
