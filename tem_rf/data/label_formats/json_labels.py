"""Labels in JSON: COCO, LabelMe and GeoJSON, identified by their content."""

from pathlib import Path
from typing import Any

from tem_rf.data.label_formats.coco import coco_stems, draw_coco, is_coco
from tem_rf.data.label_formats.geojson import draw_geojson, is_geojson
from tem_rf.data.label_formats.label import Label
from tem_rf.data.label_formats.labelme import draw_labelme, is_labelme, labelme_stems
from tem_rf.data.label_formats.roles import Roles
from tem_rf.errors import DatasetError, ReadError
from tem_rf.files import parse_json

JSON_SUFFIXES = (".json", ".geojson")


def read_json_labels(
    path: Path, stems: set[str] | None, shape: tuple[int, int], roles: Roles, frames: int = 1
) -> list[Label]:
    """Fill the annotations of one image in a JSON file, or of the frames of a stack.

    Args:
        path: The file.
        stems: Names under which a COCO file, which labels many images, may list the micrograph.
        shape: Height and width of the micrograph.
        roles: The user's roles of the classes.
        frames: Number of frames of the micrograph.

    Raises:
        ReadError: It is in none of the formats, or damaged.
        DatasetError: It does not fit the micrograph.
    """
    content = _load(path)
    if is_coco(content):
        if not stems:
            raise DatasetError(f"{path}: labels several micrographs; specify which one to read.")
        return draw_coco(path, content, stems, shape, roles, frames)
    if is_labelme(content):
        return [draw_labelme(path, content, shape, roles)]
    return draw_geojson(path, content, shape, roles, frames)


def labelled_stems(path: Path) -> list[tuple[str, ...]]:
    """Stems of the images labelled in a JSON file, each with possible alternatives.

    Raises:
        ReadError: It is in none of the formats.
    """
    content = _load(path)
    if is_coco(content):
        return coco_stems(path, content)
    return [labelme_stems(path, content) if is_labelme(content) else (path.stem,)]


def _load(path: Path) -> Any:
    try:
        content = parse_json(path.read_bytes())
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror}); check its permissions and its disk.") from error
    except ValueError as error:
        raise ReadError(
            f"{path}: is not valid JSON ({' '.join(str(error).split())[:120]}); export it again."
        ) from error
    if not (is_coco(content) or is_labelme(content) or is_geojson(content)):
        raise ReadError(
            f"{path}: {_whose(content)}; expected COCO (the lists `images` and `annotations`), LabelMe or GeoJSON, "
            "export it as COCO."
        )
    return content


def _whose(content: Any) -> str:
    """Identify a JSON format of another program that is not supported."""
    first = next(iter(content.values() if isinstance(content, dict) else content), None) if content else None
    keys = set(content if isinstance(content, dict) else first if isinstance(first, dict) else ())
    inner = set(first) if isinstance(first, dict) else set()
    if "_via_img_metadata" in keys or {"filename", "regions"} <= inner:
        return "is a project of the VGG Image Annotator"
    if {"data", "annotations"} <= keys or {"image", "annotations"} <= inner:
        return "is Label Studio's own JSON"
    if "data_row" in keys or "Labeled Data" in keys:
        return "is LabelBox's own JSON"
    if {"objects", "size"} <= keys:
        return "is Supervisely's own JSON"
    if {"categories", "items"} <= keys:
        return "is Datumaro's own JSON"
    if {"images", "categories"} <= keys:
        return "is not a COCO file, its list of annotations is missing"
    return "is not a COCO file"
