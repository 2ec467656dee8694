"""ImageJ and Fiji regions of interest: one in a .roi file, a set of them in a .zip."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.label_formats.outlines import fill_outline
from tem_rf.errors import DatasetError

ROI_SUFFIXES = (".roi", ".zip")
_WITHOUT_AREA = ("LINE", "FREELINE", "POLYLINE", "ANGLE", "POINT", "NOROI")
_LARGEST_ARCHIVE_BYTES = 256 * 2**20


def read_rois(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Fill every region of a file: polygons, freehand and traced outlines, rectangles, ovals and compositions.

    Args:
        path: .roi file, or .zip of them.
        shape: Height and width of the micrograph.

    Returns:
        (height, width) bool.

    Raises:
        DatasetError: The file holds lines and points only, or a region lies outside of the micrograph.
    """
    import roifile

    _check_archive(path)
    found = roifile.roiread(path, maxsize=_LARGEST_ARCHIVE_BYTES)
    rois = found if isinstance(found, list) else [found]
    mask = np.zeros(shape, dtype=bool)
    areas = [roi for roi in rois if roi.roitype.name not in _WITHOUT_AREA]
    if not areas:
        raise DatasetError(f"{path}: holds {len(rois)} regions and no area; outline the particles and save them again.")
    for roi in areas:
        mask |= _fill_region(path, roi, shape)
    return mask


def _fill_region(path: Path, roi: Any, shape: tuple[int, int]) -> np.ndarray:
    region = np.zeros(shape, dtype=bool)
    for outline in roi.coordinates(multi=True):
        _check_inside(path, roi.name, outline, shape)
        part = np.zeros(shape, dtype=bool)
        fill_outline(part, outline)
        region ^= part  # in a composition an outline inside another is a hole
    return region


def _check_archive(path: Path) -> None:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _LARGEST_ARCHIVE_BYTES:
            raise DatasetError(f"{path}: unpacks to {size} bytes, which no set of regions needs; it is damaged.")


def _check_inside(path: Path, name: str, outline: np.ndarray, shape: tuple[int, int]) -> None:
    if len(outline) and (outline.max(axis=0) > (shape[1] + 1, shape[0] + 1)).any():
        x, y = outline.max(axis=0)
        raise DatasetError(
            f"{path}: region {name!r} reaches x={x:.0f}, y={y:.0f}, its micrograph is {shape[1]} x {shape[0]} px; "
            "draw the regions on the image at its own size."
        )
