"""Write particles as GeoJSON, as QuPath imports annotations."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from tem_rf.data.label_formats.stated_numbers import roi_name
from tem_rf.files import write_json
from tem_rf.particles.formats.outlines import Area, Outline, trace_outlines

CLASS = "particle"
"""Class of the particles in every format that has classes."""


def write_geojson(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    is_stack: bool = False,
    confidence: Mapping[tuple[int, int], float] = MappingProxyType({}),
) -> None:
    """Write a feature per particle, named by its number, of the class `particle`.

    Coordinates are pixels; (0, 0) is the upper left corner of the image, as in QuPath.

    Args:
        path: .geojson file to write, atomically.
        frames: (h, w) int numbers of the particles of each frame.
        is_stack: Give each feature the time point of its frame, as QuPath does.
        confidence: Confidence of particles by the numbers of frame and particle; a measurement in QuPath.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    features = [
        _feature(outline, frame if is_stack else None, confidence.get((frame, outline.number)))
        for frame, instances in enumerate(frames, start=1)
        for outline in trace_outlines(instances)
    ]
    write_json(path, {"type": "FeatureCollection", "features": features}, indent=None)


def _feature(outline: Outline, frame: int | None, confidence: float | None) -> dict[str, Any]:
    polygons = [_polygon(area) for area in outline.areas]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": polygons[0]}
        if len(polygons) == 1
        else {"type": "MultiPolygon", "coordinates": polygons}
    )
    if frame is not None:
        geometry["plane"] = {"c": -1, "z": 0, "t": frame - 1}
    properties: dict[str, Any] = {
        "objectType": "annotation",
        "name": roi_name(outline.number, frame),
        "classification": {"name": CLASS},
    }
    if confidence is not None:
        properties["measurements"] = {"confidence": confidence}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _polygon(area: Area) -> list[list[list[int]]]:
    """Outer ring and holes, each closed by its first corner."""
    return [[*corners, corners[0]] for corners in (ring.tolist() for ring in (area.outline, *area.holes))]
