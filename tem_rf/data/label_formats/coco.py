"""COCO annotations (polygons and run lengths), as exported by LabelBox, CVAT, Roboflow and Label Studio."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import unquote

import numpy as np

from tem_rf.data.label_formats.label import Label
from tem_rf.data.label_formats.outlines import Region, draw_regions, finite_ring
from tem_rf.data.label_formats.roles import Roles
from tem_rf.errors import DatasetError, ReadError

_LONGEST_COUNT_BITS = 60
# Label Studio adds eight hexadecimal digits and a hyphen before the name of an uploaded file.
_LABEL_STUDIO_PREFIX = re.compile(r"^[0-9a-f]{8}-")


def is_coco(content: Any) -> bool:
    """Whether parsed JSON has the lists of a COCO file."""
    return isinstance(content, dict) and all(
        isinstance(content.get(key), list) and all(isinstance(item, dict) for item in content[key])
        for key in ("images", "annotations")
    )


def draw_coco(
    path: Path, content: dict[str, Any], stems: set[str], shape: tuple[int, int], roles: Roles, frames: int = 1
) -> list[Label]:
    """Fill the annotations of one image, or of the frames of a stack.

    Args:
        path: The file, for the error.
        content: Content of the file.
        stems: Names under which the micrograph may be listed.
        shape: Height and width of the micrograph.
        roles: The user's roles of the classes.
        frames: Number of frames of the micrograph.

    Returns:
        The label, all background if the image is listed without annotations; or one per frame of a stack, if the file
        lists each with its number as `frame`.

    Raises:
        ReadError: An annotation cannot be read.
        DatasetError: The image is not listed, was annotated at another size, or its annotations are boxes.
    """
    images = {str(image["id"]): image for image in _images(path, content) if stems & set(coco_stems_of(image))}
    name = min(stems, key=len)
    if not images:
        raise DatasetError(f"{path}: lists no image named {name}; export the annotations of this image too.")
    for image in images.values():
        size = (image.get("height") or shape[0], image.get("width") or shape[1])
        if size != tuple(shape):
            raise DatasetError(
                f"{path}: {name} was annotated at {size[1]} x {size[0]} px, but its micrograph is "
                f"{shape[1]} x {shape[0]} px; annotate the image at its original size."
            )
    in_order = sorted(images.values(), key=lambda image: str(image.get("frame", "")).zfill(9))
    if frames > 1 and [image.get("frame") for image in in_order] == [*range(1, frames + 1)]:
        return [_draw(path, content, {str(image["id"])}, name, shape, roles) for image in in_order]
    return [_draw(path, content, set(images), name, shape, roles)]


def _draw(
    path: Path, content: dict[str, Any], images: set[str], name: str, shape: tuple[int, int], roles: Roles
) -> Label:
    """Fill the annotations of images, by their ids."""
    kinds = _category_names(content)
    regions: list[Region] = []
    without = Counter[str]()
    for index, annotation in enumerate(content["annotations"]):
        if str(annotation.get("image_id")) not in images:
            continue
        kind = kinds.get(str(annotation.get("category_id")), "")
        stated = annotation.get("particle")
        number = stated if type(stated) is int and stated > 0 else None
        found = [
            replace(one, particle=index, number=number)
            for one in _regions(path, annotation.get("segmentation"), kind, shape)
        ]
        regions += found
        without[_what_else(annotation)] += not found
    boxes = without["boxes"]
    if not regions and without.total():
        held = " and ".join(what for what in without if without[what])
        raise DatasetError(
            f"{path}: holds {held} of {name} and no outlines; annotate with polygons or masks, and export again."
        )
    label = draw_regions(path, regions, shape, roles)
    notes = (
        (f"{boxes} of {boxes + len(regions)} annotations are boxes without outlines and were left out",)
        if boxes
        else ()
    )
    return replace(label, notes=label.notes + notes)


def coco_stems(path: Path, content: dict[str, Any]) -> list[tuple[str, ...]]:
    """Names of the images annotated in a COCO file, each with possible names before an export.

    Raises:
        ReadError: An image has no usable id.
    """
    return [coco_stems_of(image) for image in _images(path, content)]


def coco_stems_of(image: Mapping[str, Any]) -> tuple[str, ...]:
    """Stems of an image's names, without folders, address or prefix added by the exporter.

    Roboflow renames images and keeps the original name in `extra`.

    >>> coco_stems_of({"file_name": "https://storage/x/1f2e3d4c-au_17.png?token=1"})
    ('au_17',)
    >>> coco_stems_of({"file_name": "a_png.rf.0123.jpg", "extra": {"name": "au 17.png"}})
    ('au 17', 'a_png.rf.0123')
    """
    extra = image.get("extra")
    given = [extra.get("name")] if isinstance(extra, Mapping) else []
    stems = []
    for text in [*given, image.get("file_name", "")]:
        name = PureWindowsPath(unquote(str(text).partition("?")[0])).name  # accepts / and \\ as separators
        stem = _LABEL_STUDIO_PREFIX.sub("", PureWindowsPath(name).stem)
        stems += [stem] if stem else []
    return tuple(dict.fromkeys(stems))


def _images(path: Path, content: dict[str, Any]) -> list[dict[str, Any]]:
    images: list[dict[str, Any]] = content["images"]
    if not all(isinstance(image.get("id"), int | str) for image in images):
        raise ReadError(f"{path}: an image in its list has no number as `id`; export it as COCO again.")
    return images


def _category_names(content: dict[str, Any]) -> dict[str, str]:
    categories = content.get("categories")
    listed = [item for item in categories if isinstance(item, dict)] if isinstance(categories, list) else []
    return {str(item.get("id")): str(item.get("name", "")) for item in listed}


def _what_else(annotation: Mapping[str, Any]) -> str:
    """Type of an annotation without outlines."""
    if annotation.get("bbox"):
        return "boxes"
    return "points" if annotation.get("keypoints") else "empty annotations"


def _regions(path: Path, segmentation: Any, kind: str, shape: tuple[int, int]) -> list[Region]:
    try:
        if isinstance(segmentation, dict):
            return [_decode_run_lengths(path, segmentation, kind, shape)]
        polygons = segmentation or []
        if polygons and isinstance(polygons[0], int | float):
            polygons = [polygons]
        if polygons and isinstance(polygons[0], dict):
            return [_decode_run_lengths(path, part, kind, shape) for part in polygons]
        return [Region(kind, [finite_ring(polygon)]) for polygon in polygons if len(polygon)]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ReadError(
            f"{path}: an annotation contains neither polygons [[x, y, ...]] nor run lengths of this image ({error}); "
            "export it as COCO again."
        ) from error


def _decode_run_lengths(path: Path, segmentation: Mapping[str, Any], kind: str, shape: tuple[int, int]) -> Region:
    """Alternating runs of background and particle, down the columns; only the columns with particle are unpacked."""
    counts, size = segmentation["counts"], segmentation.get("size")
    if size and [int(length) for length in size] != list(shape):
        height, width = (int(length) for length in size)
        raise DatasetError(
            f"{path}: a run-length mask is {width} x {height} px, but its micrograph {shape[1]} x {shape[0]} px "
            "(width x height); annotate the image at its original size."
        )
    runs = _unpack_counts(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if min(runs, default=0) < 0 or sum(runs) != shape[0] * shape[1]:
        raise ValueError(f"{sum(runs)} pixels, expected {shape[0] * shape[1]}")
    edges = np.concatenate([[0], np.cumsum(runs, dtype=np.int64)])
    starts, ends = edges[1:-1:2], edges[2::2]
    starts, ends = starts[ends > starts], ends[ends > starts]
    if not len(starts):
        return Region(kind, mask=np.zeros((0, 0), bool), name="a run-length mask")
    height = shape[0]
    left, right = int(starts[0]) // height, (int(ends[-1]) - 1) // height + 1
    steps = np.zeros((right - left) * height + 1, np.int8)
    steps[starts - left * height] += 1
    steps[ends - left * height] -= 1
    columns = np.cumsum(steps[:-1], dtype=np.int8).reshape(right - left, height) > 0
    rows = np.flatnonzero(columns.any(axis=0))
    part = columns[:, rows[0] : rows[-1] + 1].T
    return Region(kind, mask=part, corner=(int(rows[0]), left), name="a run-length mask")


def _unpack_counts(text: str) -> list[int]:
    """Decode counts packed by the COCO tools: 5 bits per character, sign in the last, differences from the third on.

    >>> _unpack_counts("52203")
    [5, 2, 2, 2, 5]
    """
    counts: list[int] = []
    value, shift = 0, 0
    for character in text:
        if shift > _LONGEST_COUNT_BITS:
            raise ValueError("a packed count without an end")
        bits = ord(character) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, shift = 0, 0
    return counts
