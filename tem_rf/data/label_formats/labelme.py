"""LabelMe's JSON, one file for each image: https://github.com/wkentaro/labelme."""

import base64
import io
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from tem_rf.data.label_formats.label import Label
from tem_rf.data.label_formats.outlines import Region, draw_regions, finite_ring
from tem_rf.data.label_formats.roles import Roles
from tem_rf.errors import DatasetError, ReadError

_VERTICES = 72  # of a circle, one every 5 degrees


def is_labelme(content: Any) -> bool:
    """Whether parsed JSON is LabelMe's."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def labelme_stems(path: Path, content: dict[str, Any]) -> tuple[str, ...]:
    """Stems under which its image may be found: that of the file, and that of the image it refers to."""
    name = PureWindowsPath(str(content.get("imagePath") or "")).stem
    return (path.stem, name) if name and name != path.stem else (path.stem,)


def draw_labelme(path: Path, content: dict[str, Any], shape: tuple[int, int], roles: Roles) -> Label:
    """Fill its polygons, rectangles, circles and masks; lines and points are ignored.

    Args:
        path: The file, for the error.
        content: Content of the file.
        shape: Height and width of the micrograph.
        roles: The user's roles of the classes.

    Raises:
        ReadError: A shape cannot be read.
        DatasetError: It was drawn at another size, or its shapes do not fit the micrograph.
    """
    size = (content.get("imageHeight") or shape[0], content.get("imageWidth") or shape[1])
    if size != tuple(shape):
        raise DatasetError(
            f"{path}: was drawn at {size[1]} x {size[0]} px, but its micrograph is {shape[1]} x {shape[0]} px; draw on "
            "the image at its original size."
        )
    try:
        regions = [region for item in content["shapes"] if (region := _region(item, shape)) is not None]
    except (KeyError, IndexError, TypeError, ValueError, OSError, OverflowError, AttributeError) as error:
        raise ReadError(
            f"{path}: a shape cannot be read ({' '.join(str(error).split())[:120]}); save it again."
        ) from error
    if content["shapes"] and not regions:
        raise DatasetError(f"{path}: holds {len(content['shapes'])} shapes but no areas; outline the particles.")
    passed_over = len(content["shapes"]) - len(regions)
    label = draw_regions(path, regions, shape, roles)
    notes = (f"{passed_over} of its shapes are lines or points and were ignored",) if passed_over else ()
    return replace(label, notes=label.notes + notes)


def _region(item: dict[str, Any], shape: tuple[int, int]) -> Region | None:
    region = _one_region(item, shape)
    group = item.get("group_id")
    if region is None or group is None:
        return region
    return replace(region, particle=group, number=group if type(group) is int and group > 0 else None)


def _one_region(item: dict[str, Any], shape: tuple[int, int]) -> Region | None:
    kind, points = str(item.get("label") or ""), finite_ring(item["points"])
    match item.get("shape_type") or "polygon":
        case "polygon":
            return Region(kind, [points])
        case "rectangle" if len(points) == 2:
            (x0, y0), (x1, y1) = points
            return Region(kind, [np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])])
        case "rectangle" | "oriented_rectangle":
            return Region(kind, [points])
        case "circle":
            radius = float(np.linalg.norm(points[1] - points[0]))
            angles = np.linspace(0, 2 * np.pi, _VERTICES, endpoint=False)
            return Region(kind, [points[0] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)])
        case "mask":
            mask, corner = _pasted(item["mask"], points, shape)
            return Region(kind, mask=mask, corner=corner)
    return None


def _pasted(text: str, corners: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """A mask stored as a PNG of its bounding box, clipped to the image, and the row and column of its corner."""
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(text)), formats=("PNG",)) as image:
        if image.width > shape[1] + 1 or image.height > shape[0] + 1:
            raise ValueError(f"a mask of {image.width} x {image.height} px is larger than the image")
        part = np.array(image.convert("L")) > 0
    x, y = (round(float(value)) for value in corners.min(axis=0))
    top, left = max(0, y), max(0, x)
    return part[top - y : max(0, shape[0] - y), left - x : max(0, shape[1] - x)], (top, left)
