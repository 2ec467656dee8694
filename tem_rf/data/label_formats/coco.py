"""COCO annotations (polygons and run lengths), as LabelBox, CVAT and Label Studio export them."""

import re
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import unquote

import numpy as np

from tem_rf.data.label_formats.outlines import fill_outline
from tem_rf.errors import DatasetError, ReadError
from tem_rf.files import parse_json

# Label Studio puts eight hexadecimal digits and a hyphen before the name of an uploaded file.
_LONGEST_COUNT_BITS = 60
_LABEL_STUDIO_PREFIX = re.compile(r"^[0-9a-f]{8}-")


def read_coco(path: Path, image_stem: str, shape: tuple[int, int]) -> np.ndarray:
    """Fill the annotations of one image.

    Args:
        path: COCO JSON.
        image_stem: Stem of the micrograph's file name.
        shape: Height and width of the micrograph.

    Returns:
        (height, width) bool, all False where the image is listed without annotations.

    Raises:
        ReadError: The file is no COCO JSON.
        DatasetError: The image is not listed, or was annotated at another size.
    """
    content = _load(path)
    images = {image["id"]: image for image in content["images"] if coco_stem(image) == image_stem}
    if not images:
        raise DatasetError(f"{path}: lists no image named {image_stem}; export the annotations of this image too.")
    for image in images.values():
        size = (image.get("height", shape[0]), image.get("width", shape[1]))
        if size != tuple(shape):
            raise DatasetError(
                f"{path}: {image_stem} was annotated at {size[1]} x {size[0]} px, its micrograph is "
                f"{shape[1]} x {shape[0]} px; annotate the image at its own size."
            )
    mask = np.zeros(shape, dtype=bool)
    for annotation in content["annotations"]:
        if any(annotation.get("image_id") == identity for identity in images):
            _fill(path, mask, annotation.get("segmentation"))
    return mask


def coco_stems(path: Path) -> list[str]:
    """Stems of the images a COCO file annotates.

    Raises:
        ReadError: The file is no COCO JSON.
    """
    return [coco_stem(image) for image in _load(path)["images"]]


def coco_stem(image: Mapping[str, Any]) -> str:
    """Stem of an image's name, whatever folders, address or prefix the exporter put before it.

    >>> coco_stem({"file_name": "https://storage/x/1f2e3d4c-au_17.png?token=1"})
    'au_17'
    """
    name = unquote(str(image.get("file_name", "")).partition("?")[0])
    return _LABEL_STUDIO_PREFIX.sub("", PureWindowsPath(name).stem)  # takes / and \\ for separators


def _load(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_bytes())
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror}); check its permissions and its disk.") from error
    except ValueError as error:
        raise ReadError(f"{path}: is no JSON ({' '.join(str(error).split())[:120]}); export it again.") from error
    well_formed = isinstance(content, dict) and all(
        isinstance(content.get(key), list) and all(isinstance(item, dict) for item in content[key])
        for key in ("images", "annotations")
    )
    if not well_formed or not all(isinstance(image.get("id"), int | str) for image in content["images"]):
        raise ReadError(f"{path}: is no COCO file; expected the lists `images` and `annotations`, export it as COCO.")
    return content


def _fill(path: Path, mask: np.ndarray, segmentation: Any) -> None:
    try:
        if isinstance(segmentation, dict):
            mask |= _decode_run_lengths(segmentation["counts"], mask.shape)
        else:
            for polygon in segmentation or []:
                fill_outline(mask, np.asarray(polygon, np.float64).reshape(-1, 2))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ReadError(
            f"{path}: an annotation is neither polygons [[x, y, ...]] nor run lengths of this image ({error}); "
            "export it as COCO again."
        ) from error


def _decode_run_lengths(counts: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Runs of background and particle in turn, down the columns."""
    runs = _unpack_counts(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if min(runs, default=0) < 0 or sum(runs) != shape[0] * shape[1]:
        raise ValueError(f"{sum(runs)} pixels, expected {shape[0] * shape[1]}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(shape, order="F")


def _unpack_counts(text: str) -> list[int]:
    """Counts as the COCO tools pack them: 5 bits a character, sign in the last, and differences from the third on.

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
