"""The masks of the test images of a run, kept beside their scores."""

from pathlib import Path

import numpy as np

from tem_rf.errors import ReadError
from tem_rf.files import replacing_file


def write_masks(path: Path, masks: np.ndarray) -> None:
    """Write masks as a compressed TIFF stack, in the order of the test images.

    Args:
        path: File to write, whole or not at all.
        masks: (n, h, w) bool.

    Raises:
        StorageError: The disk is full or the place cannot be written to.
    """
    import tifffile

    with replacing_file(path) as beside:
        pages = masks.astype(np.uint8) * np.uint8(255)
        tifffile.imwrite(beside, pages, compression="zlib", photometric="minisblack")


def read_mask(path: Path, index: int) -> np.ndarray:
    """Read one of the masks.

    Args:
        path: What `write_masks` wrote.
        index: Which, from 0.

    Returns:
        (h, w) bool.

    Raises:
        ReadError: The file is missing, damaged, or of fewer masks.
    """
    import tifffile

    try:
        return np.asarray(tifffile.imread(path, key=index)) > 0
    except FileNotFoundError as error:
        raise ReadError(f"{path}: is missing; evaluate the run again.") from error
    except (OSError, ValueError, IndexError, tifffile.TiffFileError) as error:
        raise ReadError(f"{path}: cannot be read ({error}); evaluate the run again.") from error
