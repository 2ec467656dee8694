"""Write particles as ImageJ regions, a set for the ROI Manager of Fiji."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.data.label_formats.stated_numbers import roi_name
from tem_rf.files import replacing_file
from tem_rf.particles.formats.outlines import Outline, trace_outlines

_LARGEST_SHORT = 2**15 - 1  # ImageJ's own type of corners; beyond it they are floats
_MOVE_TO, _LINE_TO, _CLOSE = 0.0, 1.0, 4.0  # of a path of java.awt.geom
_DATE = (1980, 1, 1, 0, 0, 0)  # the same particles give the same file


def write_rois(path: Path, frames: Iterable[np.ndarray], *, is_stack: bool = False) -> None:
    """Write a region per particle, named by its number; particles with holes or in several parts are composites.

    Args:
        path: .zip file to write, atomically.
        frames: (h, w) int numbers of the particles of each frame.
        is_stack: Give each region the position of its frame in the stack.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    with replacing_file(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for frame, instances in enumerate(frames, start=1):
            for outline in trace_outlines(instances):
                name = roi_name(outline.number, frame if is_stack else None)
                roi = _roi(outline, name, frame if is_stack else 0)
                archive.writestr(zipfile.ZipInfo(f"{name}.roi", _DATE), roi.tobytes(), zipfile.ZIP_DEFLATED)


def _roi(outline: Outline, name: str, position: int) -> Any:
    from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

    corners = np.concatenate(outline.rings)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    roi = ImagejRoi(name=name, position=position, top=int(top), left=int(left), bottom=int(bottom), right=int(right))
    if not outline.is_simple:
        roi.roitype = ROI_TYPE.RECT
        roi.multi_coordinates = _path(outline.rings)
        roi.shape_roi_size = len(roi.multi_coordinates)
        return roi
    roi.roitype, roi.n_coordinates = ROI_TYPE.TRACED, len(corners)
    if corners.max() <= _LARGEST_SHORT:
        roi.integer_coordinates = (corners - (left, top)).astype(np.int32)
        return roi
    roi.roitype = ROI_TYPE.FREEHAND
    roi.options = ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    roi.integer_coordinates = np.zeros(corners.shape, np.int32)
    roi.subpixel_coordinates = corners.astype(np.float32)
    return roi


def _path(rings: Iterable[np.ndarray]) -> np.ndarray:
    steps: list[float] = []
    for ring in rings:
        for index, (x, y) in enumerate(ring.tolist()):
            steps += [_LINE_TO if index else _MOVE_TO, x, y]
        steps.append(_CLOSE)
    return np.array(steps, np.float32)
