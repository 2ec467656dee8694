"""Label files from somebody else: one line of refusal, in little time and memory, and nothing beside the mask."""

import contextlib
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile

from tem_rf.data.labels import read_label
from tem_rf.errors import DatasetError, ReadError

SHAPE = (32, 32)
IMAGES = [{"id": 1, "file_name": "m.tif", "width": 32, "height": 32}]
REGION = roifile.ImagejRoi.frompoints(np.array([[1, 1], [20, 1], [20, 20]])).tobytes()


def coco(images: Any = IMAGES, segmentation: Any = (), image_id: Any = 1) -> str:
    return json.dumps({"images": images, "annotations": [{"image_id": image_id, "segmentation": segmentation}]})


ATTACKS = {
    "an image whose id is a list": coco(images=[{"id": [1], "file_name": "m.tif"}]),
    "a polygon of text": coco(segmentation="abc"),
    "runs longer than the image": coco(segmentation={"counts": [10**12], "size": SHAPE}),
    "runs below zero": coco(segmentation={"counts": [10**12, 1024 - 10**12], "size": SHAPE}),
    "a packed count without end": coco(segmentation={"counts": "o" * 300_000, "size": SHAPE}),
    "a number of 5000 digits": coco().replace('"id": 1', f'"id": {"9" * 5000}'),
    "infinitely long runs": coco(segmentation={"counts": [float("inf")], "size": SHAPE}),
    "a coordinate of 400 digits": coco(segmentation=[[10**400, 1, 2, 3, 4, 5]]),
    "nesting without end": "[" * 200_000,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_coco_files_made_to_hurt_are_refused_at_once(name: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text(ATTACKS[name])
    started = time.process_time()
    with pytest.raises((ReadError, DatasetError)) as caught:
        read_label(path, SHAPE, image=tmp_path / "m.tif")
    assert "\n" not in str(caught.value)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("far", [1e9, 1e18, 1e308])
def test_polygons_far_outside_cost_no_more_than_the_image(far: float, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(coco(segmentation=[[-far, -far, far, -far, far, far]]))
    started = time.process_time()
    with pytest.raises(DatasetError, match="an outline reaches x=-1e"):
        read_label(tmp_path / "labels.json", SHAPE, image=tmp_path / "m.tif")
    assert time.process_time() - started < 2


def test_an_annotation_of_no_image_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(coco(image_id=[1], segmentation=[[0, 0, 9, 0, 9, 9]]))
    assert not read_label(tmp_path / "labels.json", SHAPE, image=tmp_path / "m.tif").any()


def test_regions_in_an_archive_are_unpacked_nowhere(tmp_path: Path) -> None:
    (tmp_path / "received").mkdir()
    path = tmp_path / "received" / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../escaped.roi", REGION)
        archive.writestr("/tmp/escaped.roi", REGION)
    assert read_label(path, SHAPE).any()
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["m.zip", "received"]


def test_an_archive_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"{number}.roi", bytes(40 * 2**20))
    started = time.process_time()
    with pytest.raises(DatasetError, match="unpacks to 419430400 bytes"):
        read_label(tmp_path / "m.zip", SHAPE)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("offset", "value"), [(8, b"\x80\x00"), (12, b"\x7f\xff"), (16, b"\xff\xff"), (36, b"\x7f\xff\xff\xff")]
)
def test_regions_whose_header_lies_stay_within_the_image_or_are_refused(
    offset: int, value: bytes, tmp_path: Path
) -> None:
    region = bytearray(REGION)
    region[offset : offset + len(value)] = value
    (tmp_path / "m.roi").write_bytes(region)
    with contextlib.suppress(ReadError, DatasetError):
        assert read_label(tmp_path / "m.roi", SHAPE).shape == SHAPE
