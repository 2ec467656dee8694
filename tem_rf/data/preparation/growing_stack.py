"""A TIFF stack that grows patch by patch, for datasets whose number of patches is not known in advance."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tem_rf.data.tiff import imagej_options


class GrowingStack:
    """Appends images of one size and type to an ImageJ TIFF with a scale.

    The images are contiguous after one header, so the file can be memory-mapped. Beyond 4 GB it stays an ImageJ file,
    which needs no header per image; Fiji would not find the scale in a BigTIFF.

    Args:
        path: File to write.
    """

    def __init__(self, path: Path) -> None:
        import tifffile

        self._writer = tifffile.TiffWriter(path, imagej=True)

    def append(self, image: np.ndarray, pixel_size_nm: float | None) -> None:
        """Append one image.

        Args:
            image: (height, width).
            pixel_size_nm: Pixel size [nm]; that of the first image is the scale of the stack.
        """
        frame = image[np.newaxis, np.newaxis]  # (slice, channel, h, w), so that the frames grow
        self._writer.write(frame, contiguous=True, truncate=True, **_options(pixel_size_nm))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._writer.close()


def _options(pixel_size_nm: float | None) -> dict[str, Any]:
    options = imagej_options(3, pixel_size_nm)
    # The writer uses ImageJ's format already; it knows the number of frames, which axes must match, only at the end.
    metadata = {key: value for key, value in options["metadata"].items() if key != "axes"}
    return {key: value for key, value in options.items() if key != "imagej"} | {"metadata": metadata}
