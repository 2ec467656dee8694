"""GeoJSON, as QuPath exports annotations and detections: https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_annotations.html."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tem_rf.data.label_formats.label import Label
from tem_rf.data.label_formats.outlines import Region, by_frame, draw_regions, finite_ring
from tem_rf.data.label_formats.roles import Roles
from tem_rf.data.label_formats.stated_numbers import number_in
from tem_rf.errors import DatasetError, ReadError

_GEOMETRIES = ("Polygon", "MultiPolygon", "GeometryCollection", "Point", "MultiPoint", "LineString", "MultiLineString")


def is_geojson(content: Any) -> bool:
    """Whether parsed JSON is a geometry, a feature or a feature collection of GeoJSON."""
    if isinstance(content, list):
        return bool(content) and all(is_geojson(item) for item in content)
    return isinstance(content, dict) and content.get("type") in ("FeatureCollection", "Feature", *_GEOMETRIES)


def draw_geojson(path: Path, content: Any, shape: tuple[int, int], roles: Roles, frames: int = 1) -> list[Label]:
    """Fill its polygons, whose coordinates are pixels of the image at its original size.

    Args:
        path: The file, for the error.
        content: Content of the file.
        shape: Height and width of the micrograph.
        roles: The user's roles of the classes.
        frames: Number of frames of the micrograph.

    Returns:
        A label; or one per frame of a stack, if each feature has a plane in it.

    Raises:
        ReadError: A feature cannot be read.
        DatasetError: Its outlines do not fit the micrograph, or it has none.
    """
    try:
        features = _features(content)
        regions = [
            replace(region, particle=index if is_feature else None, number=number_in(name), frame=_frame(geometry))
            for index, (kind, geometry, name, is_feature) in enumerate(features)
            for region in _regions(kind, geometry)
        ]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise ReadError(
            f"{path}: a feature cannot be read ({' '.join(str(error).split())[:120]}); export it again."
        ) from error
    if features and not regions:
        raise DatasetError(f"{path}: holds {len(features)} features but no areas; outline the particles.")
    return [draw_regions(path, part, shape, roles) for part in by_frame(path, regions, frames)]


def _features(content: Any) -> list[tuple[str, Mapping[str, Any], object, bool]]:
    """Class, geometry and name of each feature, and whether it is one: a bare geometry may outline many particles."""
    if isinstance(content, list):
        return [found for item in content for found in _features(item)]
    if content["type"] == "FeatureCollection":
        return _features(list(content["features"]))
    if content["type"] == "Feature":
        properties, geometry = content.get("properties") or {}, content.get("geometry")
        return [(_kind(properties), geometry, properties.get("name"), True)] if geometry else []
    return [("", content, None, False)]


def _frame(geometry: Mapping[str, Any]) -> int | None:
    """Frame of a geometry, from 1, by the plane of QuPath, which counts from 0."""
    plane = geometry.get("plane")
    return max(int(plane.get("t", 0)), int(plane.get("z", 0))) + 1 if isinstance(plane, Mapping) else None


def _kind(properties: Mapping[str, Any]) -> str:
    """Class of a feature, which QuPath stores under `classification`, as a name or with a colour."""
    found = properties.get("classification") or properties.get("class") or ""
    return str(found.get("name", "") if isinstance(found, Mapping) else found)


def _regions(kind: str, geometry: Mapping[str, Any]) -> list[Region]:
    match geometry["type"]:
        case "Polygon":
            parts = [geometry["coordinates"]]
        case "MultiPolygon":
            parts = geometry["coordinates"]
        case "GeometryCollection":
            return [region for part in geometry["geometries"] for region in _regions(kind, part)]
        case _:
            return []
    return [Region(kind, [finite_ring([point[:2] for point in ring]) for ring in rings]) for rings in parts if rings]
