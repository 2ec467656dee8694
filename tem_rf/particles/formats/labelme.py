"""Write particles as the JSON of LabelMe, one file per micrograph."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.files import write_json
from tem_rf.particles.formats.geojson import CLASS
from tem_rf.particles.formats.outlines import trace_outlines


def write_labelme(path: Path, instances: np.ndarray, image_path: str) -> None:
    """Write a shape per particle, with its number as `group_id`: a polygon, or a mask if it has holes or parts.

    Args:
        path: .json file to write, atomically.
        instances: (h, w) int numbers of the particles.
        image_path: Path of the micrograph, relative to the file.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    shapes = []
    for outline in trace_outlines(instances):
        shape: dict[str, Any] = {"label": CLASS, "group_id": outline.number, "description": "", "flags": {}}
        if outline.is_simple:
            shape |= {"shape_type": "polygon", "points": outline.areas[0].outline.tolist(), "mask": None}
        else:
            corners = np.concatenate(outline.rings)
            (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
            mask = instances[top:bottom, left:right] == outline.number
            points = [[left, top], [right - 1, bottom - 1]]  # LabelMe gives the first and the last pixel
            shape |= {"shape_type": "mask", "points": points, "mask": _png(mask)}
        shapes.append(shape)
    height, width = instances.shape
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    write_json(path, content, indent=None)


def _png(mask: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()
