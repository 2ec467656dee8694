"""Labels in JSON: COCO, LabelMe and GeoJSON, told apart by what they hold."""

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


def read_json_label(path: Path, stems: set[str] | None, shape: tuple[int, int], roles: Roles) -> Label:
    """Fill what a JSON file says of one image.

    Args:
        path: The file.
        stems: Names under which a COCO file, which labels many, may list the micrograph.
        shape: Height and width of the micrograph.
        roles: What the user said of the classes.

    Raises:
        ReadError: It is none of the formats, or damaged.
        DatasetError: It does not fit the micrograph.
    """
    content = _load(path)
    if is_coco(content):
        if not stems:
            raise DatasetError(f"{path}: labels many micrographs; say which one is meant.")
        return draw_coco(path, content, stems, shape, roles)
    return (
        draw_labelme(path, content, shape, roles) if is_labelme(content) else draw_geojson(path, content, shape, roles)
    )


def labelled_stems(path: Path) -> list[tuple[str, ...]]:
    """Stems of the images that a JSON file labels, each with the others it may have.

    Raises:
        ReadError: It is none of the formats.
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
        raise ReadError(f"{path}: is no JSON ({' '.join(str(error).split())[:120]}); export it again.") from error
    if not (is_coco(content) or is_labelme(content) or is_geojson(content)):
        raise ReadError(
            f"{path}: {_whose(content)}; expected COCO (the lists `images` and `annotations`), LabelMe or GeoJSON, "
            "export it as COCO."
        )
    return content


def _whose(content: Any) -> str:
    """Which program's JSON it is that is not read."""
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
        return "is no COCO file, its list of annotations is missing"
    return "is no COCO file"
