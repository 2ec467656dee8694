"""A TIFF stack that grows patch by patch, for sets of which no one knows beforehand how many patches they hold."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tem_rf.data.tiff import imagej_options


class GrowingStack:
    """Appends images of one size and type to an ImageJ TIFF with a scale.

    The images follow each other without gaps behind one header, so the file can be memory-mapped. Beyond 4 GB it
    stays an ImageJ file, which needs no header per image; Fiji would not find its scale in a BigTIFF.

    Args:
        path: File to write.
    """

    def __init__(self, path: Path) -> None:
        import tifffile

        self._writer = tifffile.TiffWriter(path, imagej=True)

    def append(self, image: np.ndarray, pixel_size_nm: float | None) -> None:
        """Write one image behind the others.

        Args:
            image: (height, width).
            pixel_size_nm: Side of a pixel [nm]; that of the first image is the scale of the stack.
        """
        frame = image[np.newaxis, np.newaxis]  # (slice, channel, h, w), so that what grows is the frames
        self._writer.write(frame, contiguous=True, truncate=True, **_options(pixel_size_nm))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._writer.close()


def _options(pixel_size_nm: float | None) -> dict[str, Any]:
    options = imagej_options(3, pixel_size_nm)
    # The writer is in ImageJ's format already, and knows the number of frames, which axes must fit, only at the end.
    metadata = {key: value for key, value in options["metadata"].items() if key != "axes"}
    return {key: value for key, value in options.items() if key != "imagej"} | {"metadata": metadata}
