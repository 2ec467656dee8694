"""Read the label of a micrograph as a mask, whatever it was drawn with."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from tem_rf.data.label_formats.coco import read_coco
from tem_rf.data.label_formats.imagej_rois import ROI_SUFFIXES, read_rois
from tem_rf.data.label_formats.masks import read_masks
from tem_rf.errors import DatasetError, ReadError, TemRfError


def read_label(path: Path, shape: tuple[int, int], *, image: Path | None = None) -> np.ndarray:
    """Read the label of one micrograph.

    Args:
        path: Mask or image of instance numbers (not zero = particle), ImageJ regions (.roi, .zip), or COCO JSON.
        shape: Height and width of the micrograph.
        image: The micrograph; a COCO file needs it, since it labels many.

    Returns:
        (height, width) bool, True where a particle is.

    Raises:
        ReadError: The file cannot be read.
        DatasetError: It is not of the micrograph's size, or holds several masks.
    """
    masks = list(islice(read_label_frames(path, shape, image=image), 2))
    if len(masks) != 1:
        several = "several masks" if masks else "no mask"
        raise DatasetError(f"{path}: holds {several} for one micrograph; save the right one by itself.")
    return masks[0]


def read_label_frames(path: Path, shape: tuple[int, int], *, image: Path | None = None) -> Iterator[np.ndarray]:
    """Read the labels of a stack one after the other; arguments, results and errors as for `read_label`."""
    path, suffix = Path(path), Path(path).suffix.lower()
    if not path.exists():
        raise ReadError(f"{path}: no such file; check the path.")
    if suffix == ".json":
        if image is None:
            raise DatasetError(f"{path}: labels many micrographs; say which one is meant.")
        yield read_coco(path, image.stem, shape)
    elif suffix in ROI_SUFFIXES:
        yield _read_rois(path, shape)
    else:
        for mask in read_masks(path):
            if mask.shape != tuple(shape):
                raise DatasetError(
                    f"{path}: the label is {mask.shape[1]} x {mask.shape[0]} px, its micrograph "
                    f"{shape[1]} x {shape[0]} px (width x height); label the image at its own size."
                )
            yield mask


def _read_rois(path: Path, shape: tuple[int, int]) -> np.ndarray:
    try:
        return read_rois(path, shape)
    except TemRfError:
        raise
    except Exception as error:  # roifile fails on damaged bytes in any way it likes
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ReadError(
            f"{path}: no ImageJ regions can be read from it ({reason}); save them again in Fiji."
        ) from error
