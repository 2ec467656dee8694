"""Read the label of a micrograph as a mask, from any supported format."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from tem_rf.config.reading import AS_IT_IS, ReadingSettings
from tem_rf.data.label_formats.imagej_rois import ROI_SUFFIXES, draw_rois
from tem_rf.data.label_formats.json_labels import JSON_SUFFIXES, read_json_labels
from tem_rf.data.label_formats.label import Label
from tem_rf.data.label_formats.masks import read_masks
from tem_rf.data.label_formats.roles import Roles
from tem_rf.data.names import stems_of
from tem_rf.errors import DatasetError, ReadError, TemRfError


def read_label(
    path: Path, shape: tuple[int, int], *, image: Path | None = None, reading: ReadingSettings = AS_IT_IS
) -> np.ndarray:
    """Read the label of one micrograph.

    Args:
        path: Mask or image of instance numbers, ImageJ regions (.roi, .zip), COCO, LabelMe or GeoJSON.
        shape: Height and width of the micrograph.
        image: The micrograph; needed for a COCO file, which labels several.
        reading: Which label values are particle.

    Returns:
        (height, width) bool, True on particles.

    Raises:
        ReadError: The file cannot be read.
        DatasetError: It does not fit the micrograph, or it is ambiguous what is particle.
    """
    return read_one_label(path, shape, image=image, reading=reading).mask


def read_one_label(
    path: Path, shape: tuple[int, int], *, image: Path | None = None, reading: ReadingSettings = AS_IT_IS
) -> Label:
    """Read the label of one micrograph with its uncertain pixels; arguments and errors as for `read_label`."""
    labels = list(islice(read_label_frames(path, shape, image=image, reading=reading), 2))
    if len(labels) != 1:
        several = "several masks" if labels else "no mask"
        raise DatasetError(f"{path}: holds {several} for one micrograph; save the right one separately.")
    return labels[0]


def read_label_frames(
    path: Path,
    shape: tuple[int, int],
    *,
    image: Path | None = None,
    frames: int = 1,
    reading: ReadingSettings = AS_IT_IS,
) -> Iterator[Label]:
    """Read the labels of a stack one after the other; arguments and errors as for `read_label`.

    Args:
        path: As for `read_label`.
        shape: As for `read_label`.
        image: As for `read_label`.
        frames: Number of frames of the micrograph; if it has one, several masks are parts of one label.
        reading: As for `read_label`.
    """
    path, suffix = Path(path), Path(path).suffix.lower()
    if not path.exists():
        raise ReadError(f"{path}: no such file; check the path.")
    if suffix in JSON_SUFFIXES:
        stems = None if image is None else set(stems_of(image))
        labels = iter(read_json_labels(path, stems, shape, Roles.of(reading), frames))
    elif suffix in ROI_SUFFIXES:
        labels = iter(_draw_rois(path, shape, Roles.of(reading), frames))
    else:
        labels = read_masks(path, shape, frames, reading)
    for label in labels:
        yield label.with_remarks()


def _draw_rois(path: Path, shape: tuple[int, int], roles: Roles, frames: int) -> list[Label]:
    try:
        return draw_rois(path, shape, roles, frames)
    except TemRfError:
        raise
    except Exception as error:  # roifile can raise any exception on damaged files
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ReadError(f"{path}: its ImageJ regions cannot be read ({reason}); save them again in Fiji.") from error
