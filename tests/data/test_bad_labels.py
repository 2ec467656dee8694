"""Damaged labels of every kind: a mask of the right shape, or a refusal of one line; nothing else."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tem_rf.errors import DatasetError, ReadError
from tests.data.formats.test_bad_files import damage
from tests.data.test_label_outlines import POINTS, as_coco, as_geojson, as_labelme, as_roi, pasted_mask
from tests.helpers.drawn import MASK, SHAPE, coco, read_one, square, write_imagej_inverting_png, write_palette
from tests.helpers.odd_tiffs import bare_tiff

RUNS = {"counts": [100, 50, MASK.size - 150], "size": list(SHAPE)}


def write_outline(form: Any) -> Any:
    name, content = form(POINTS)
    return name, lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode())


WRITERS = {
    "palette.png": lambda path: write_palette(path, MASK, [0, 0, 0, 128, 0, 0]),
    "inverting.png": write_imagej_inverting_png,
    "colour.png": lambda path: Image.fromarray(np.repeat(MASK[..., None] * np.uint8(200), 3, axis=-1)).save(path),
    "soft.jpg": lambda path: Image.fromarray(MASK * np.uint8(255)).save(path),
    "packed.tif": lambda path: path.write_bytes(bare_tiff(MASK.astype(int), 1, photometric=0, rows_per_strip=9)),
    "planes.npy": lambda path: np.save(path, np.stack([~MASK, MASK], -1)),
    "runs.json": lambda path: path.write_text(coco("runs.tif", [{"segmentation": RUNS}])),
    "mask.json": lambda path: path.write_text(
        json.dumps({"shapes": [{"shape_type": "mask", "points": [[1, 2], [30, 31]], "mask": pasted_mask()}]})
    ),
    "boxes.json": lambda path: path.write_text(coco("boxes.tif", [{"segmentation": [square(1, 2, 30)]}] * 3)),
} | {
    form.__name__ + name[1:]: write
    for form in (as_coco, as_labelme, as_geojson, as_roi)
    for name, write in [write_outline(form)]
}


def read_damaged(path: Any) -> None:
    refusal = None
    try:
        label = read_one(path)
        assert label.mask.shape == SHAPE
        assert label.mask.dtype == bool
    except (ReadError, DatasetError) as error:
        refusal = str(error)
    if refusal is not None:
        assert refusal.startswith(f"{path}: ")
        assert "\n" not in refusal


def fuzz(name: str, folder: Path, cases: Any) -> None:
    WRITERS[name](folder / name)
    content = (folder / name).read_bytes()
    random = np.random.default_rng(23)
    for _ in range(cases):
        (folder / name).write_bytes(damage(content, random))
        read_damaged(folder / name)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.timeout(60)
def test_damaged_labels_are_read_sanely_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path, cases=40)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_thousands_of_damaged_labels_are_read_sanely_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path, cases=1000)
