"""Particles written in any format are read back with every pixel and number, holes and islands included."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tem_rf.data.label_formats.label import Label
from tem_rf.data.labels import read_label_frames
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import DatasetError
from tem_rf.particles.formats.coco import write_coco
from tem_rf.particles.formats.geojson import write_geojson
from tem_rf.particles.formats.labelme import write_labelme
from tem_rf.particles.formats.outlines import trace_outlines
from tem_rf.particles.formats.rois import write_rois
from tem_rf.particles.measure import measure_particles
from tem_rf.particles.split import number_particles
from tests.helpers.discs import discs

Write = Callable[[Path, np.ndarray], None]
WRITERS: dict[str, Write] = {
    "m_rois.zip": lambda path, instances: write_rois(path, [instances]),
    "m.geojson": lambda path, instances: write_geojson(path, [instances]),
    "m_coco.json": lambda path, instances: write_coco(path, [instances], "m.tif"),
    "m_labelme.json": lambda path, instances: write_labelme(path, instances, "../raw/m.tif"),
}
# Small images with few numbers have all of it: holes, islands, single pixels, corners that touch, the border.
INSTANCES = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: arrays(np.int32, shape, elements=st.sampled_from([0, 0, 1, 1, 2, 7]))
)
RING_WITH_ISLAND = np.array([[1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 0, 2, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]])


def read(path: Path, shape: Any, frames: int = 1) -> list[Label]:
    return list(read_label_frames(path, shape, image=path.with_name("m.tif"), frames=frames))


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(instances=INSTANCES)
@example(instances=RING_WITH_ISLAND)
@example(instances=np.eye(4, dtype=np.int32))
def test_every_pixel_and_number_survives(name: str, instances: np.ndarray) -> None:
    if not instances.any():
        instances[0, 0] = 3
    with tempfile.TemporaryDirectory() as folder:
        WRITERS[name](Path(folder) / name, instances)
        (label,) = read(Path(folder) / name, instances.shape)
    np.testing.assert_array_equal(label.instances, instances)
    np.testing.assert_array_equal(label.mask, instances > 0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(instances=INSTANCES)
def test_rings_never_pass_a_corner_twice_and_holes_turn_the_other_way(instances: np.ndarray) -> None:
    outlines = trace_outlines(instances)
    assert [one.number for one in outlines] == np.unique(instances[instances > 0]).tolist()
    for outline in outlines:
        for ring in outline.rings:
            assert len(set(map(tuple, ring.tolist()))) == len(ring) >= 4
        areas = [_area(one.outline) + sum(map(_area, one.holes)) for one in outline.areas]
        assert all(area > 0 for area in areas)
        assert sum(areas) == np.count_nonzero(instances == outline.number)
        assert all(_area(hole) < 0 for one in outline.areas for hole in one.holes)


def _area(ring: np.ndarray) -> float:
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@pytest.mark.parametrize("name", [name for name in WRITERS if "labelme" not in name])
def test_stacks_are_read_back_frame_by_frame(name: str, tmp_path: Path) -> None:
    frames = [RING_WITH_ISLAND, np.zeros((5, 5), int), np.eye(5, dtype=int)]
    match name:
        case "m_coco.json":
            write_coco(tmp_path / name, frames, "m.tif")
        case "m.geojson":
            write_geojson(tmp_path / name, frames, is_stack=True)
        case _:
            write_rois(tmp_path / name, frames, is_stack=True)
    found = read(tmp_path / name, (5, 5), frames=3)
    for label, instances in zip(found, frames, strict=True):
        np.testing.assert_array_equal(label.instances, instances)


def test_regions_on_frames_that_the_stack_does_not_have_are_named(tmp_path: Path) -> None:
    write_rois(tmp_path / "m.zip", [RING_WITH_ISLAND, RING_WITH_ISLAND, RING_WITH_ISLAND], is_stack=True)
    with pytest.raises(DatasetError, match=r"m\.zip: region 'particle 1, frame 3' is on frame 3 of a stack of 2"):
        read(tmp_path / "m.zip", (5, 5), frames=2)


def test_regions_outside_the_image_are_named(tmp_path: Path) -> None:
    instances = np.zeros((40, 40), int)
    instances[30:35, 30:35] = 1
    write_rois(tmp_path / "m.zip", [instances])
    with pytest.raises(DatasetError, match=r"m\.zip: region 'particle 1' reaches x=35, y=35, .* 20 x 20 px"):
        read(tmp_path / "m.zip", (20, 20))


def test_corners_beyond_the_integers_of_imagej_are_exact(tmp_path: Path) -> None:
    instances = np.zeros((3, 40_000), np.int32)
    instances[1, 39_990:39_995], instances[0, 5] = 2, 1
    write_rois(tmp_path / "m.zip", [instances])
    (label,) = read(tmp_path / "m.zip", instances.shape)
    np.testing.assert_array_equal(label.instances, instances)


@pytest.mark.slow
def test_seventy_thousand_particles_keep_their_numbers(tmp_path: Path) -> None:
    instances = np.kron(np.arange(1, 70_001).reshape(200, 350), np.pad(np.ones((2, 2), int), (0, 1)))
    particles = measure_particles(instances)
    assert (len(particles), particles[-1].number, particles[-1].area_px) == (70_000, 70_000, 4)
    write_tiff(tmp_path / "m.tif", instances.astype(np.uint32))
    write_coco(tmp_path / "m.json", [instances], "m.tif")
    for name in ("m.tif", "m.json"):
        (label,) = read(tmp_path / name, instances.shape)
        np.testing.assert_array_equal(label.instances, instances)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_instance_images_keep_their_numbers(dtype: Any, tmp_path: Path) -> None:
    instances = np.zeros((40, 40), dtype)
    instances[2:8, 2:8], instances[2:8, 8:14], instances[20, 20], instances[39, 30:] = 4, 90, 200, 7
    write_tiff(tmp_path / "m_instances.tif", instances)
    (label,) = read(tmp_path / "m_instances.tif", instances.shape)
    np.testing.assert_array_equal(label.instances, instances)
    assert label.notes == ()


def test_geojson_has_the_confidence_as_a_measurement(tmp_path: Path) -> None:
    numbers = number_particles(discs((60, 60), (15, 15, 8), (40, 40, 9)))
    write_geojson(tmp_path / "m.geojson", [numbers], confidence={(1, 2): 0.75})
    features = json.loads((tmp_path / "m.geojson").read_text())["features"]
    assert [one["properties"].get("measurements") for one in features] == [None, {"confidence": 0.75}]
