"""Instance labels: one number per particle and a reserved value for pixels that are not sure, as one TIFF image."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tem_rf.config.reading import AS_IT_IS, ReadingSettings
from tem_rf.data.labels import read_one_label
from tem_rf.data.tiff import imagej_options
from tem_rf.files import replacing_file

UNSURE = -1
"""Value of a pixel that is not sure in an array of instance numbers; 0 is background."""

_LARGEST_16_BIT = 32767  # larger numbers could not be told from levels of a mask with soft edges


def write_instances(
    path: Path,
    numbers: np.ndarray,
    *,
    pixel_size_nm: float | None = None,
    before_replacing: Callable[[], None] = lambda: None,
) -> None:
    """Write instance numbers as a TIFF that Fiji, napari and QuPath open, atomically.

    The file has 16 bits, and 65535 is not sure. It has 32 bits, and 4294967295 is not sure, if a number exceeds 32767,
    or if there are such pixels but no particles: an image of 0 and 65535 is a mask.

    Args:
        path: File to write.
        numbers: (height, width) int, 0 on background, `UNSURE` where the label is not sure.
        pixel_size_nm: Pixel size [nm]; None: no scale is written.
        before_replacing: Called when the new file is complete; if it raises, an existing file is left unchanged.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    import tifffile

    last = int(numbers.max(initial=0))
    is_small = last <= _LARGEST_16_BIT and (last > 0 or not (numbers == UNSURE).any())
    pixels = numbers.astype(np.uint16 if is_small else np.uint32)  # UNSURE wraps around to the reserved value
    options = imagej_options(2, pixel_size_nm)
    if not is_small:  # not a type of ImageJ's own TIFF files
        options = {}
        if pixel_size_nm is not None:
            options = {"resolution": (1e7 / pixel_size_nm, 1e7 / pixel_size_nm), "resolutionunit": "CENTIMETER"}
    with replacing_file(path) as beside:
        tifffile.imwrite(beside, pixels, **options)
        before_replacing()


def read_instances(
    path: Path, shape: tuple[int, int], *, image: Path | None = None, reading: ReadingSettings = AS_IT_IS
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read any label as instance numbers: those of the file, or else its connected regions.

    Args:
        path: As for `read_label`.
        shape: Height and width of the micrograph.
        image: As for `read_label`.
        reading: As for `read_label`.

    Returns:
        (height, width) int32, 0 on background, `UNSURE` where the label is not sure; and notes for the user.

    Raises:
        ReadError: As for `read_label`.
        DatasetError: As for `read_label`.
    """
    from scipy.ndimage import label as components

    label = read_one_label(path, shape, image=image, reading=reading)
    if label.instances is not None:
        numbers = label.instances.copy()
    else:
        numbers = components(label.mask, structure=np.ones((3, 3)))[0].astype(np.int32)
    if label.unsure is not None:
        numbers[label.unsure] = UNSURE
    return numbers, label.notes
