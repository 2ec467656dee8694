import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import roifile
from PIL import Image

from tem_rf.data.labels import read_label, read_label_frames
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import DatasetError, ReadError
from tests.helpers.written_files import counts

SHAPE = (24, 40)
# Rows 3 to 7, columns 10 to 19.
EXPECTED = np.zeros(SHAPE, bool)
EXPECTED[3:8, 10:20] = True
CORNERS = [[10, 3], [20, 3], [20, 8], [10, 8]]  # x, y of the edges of those pixels


def instances() -> np.ndarray:
    labels = EXPECTED.astype(np.uint16)
    labels[3:8, 15:20] = 300  # a second particle whose low byte differs
    return labels


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy", "a.npz", "a.h5"])
def test_masks_and_instance_numbers_of_every_kind_mark_what_is_not_zero(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    match path.suffix:
        case ".png":
            Image.fromarray(instances()).save(path)
        case ".tif":
            write_tiff(path, instances())
        case ".npy":
            np.save(path, instances())
        case ".npz":
            np.savez(path, images=counts(), labels=instances())
        case ".h5":
            with h5py.File(path, "w") as file:
                file["labels"] = instances()
    mask = read_label(path, SHAPE)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, EXPECTED)


def test_dark_colours_of_a_painted_mask_count_and_alpha_does_not(tmp_path: Path) -> None:
    painted = np.zeros((*SHAPE, 4), np.uint8)
    painted[..., 3] = 255
    painted[EXPECTED, 2] = 1  # so dark a blue that its luminance rounds to 0
    Image.fromarray(painted).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_label(tmp_path / "a.png", SHAPE), EXPECTED)


def test_the_fringe_that_jpeg_leaves_is_no_particle(tmp_path: Path) -> None:
    Image.fromarray(EXPECTED.astype(np.uint8) * 255).save(tmp_path / "a.jpg", quality=60)
    assert (np.asarray(Image.open(tmp_path / "a.jpg")) != 0).sum() > EXPECTED.sum()
    np.testing.assert_array_equal(read_label(tmp_path / "a.jpg", SHAPE), EXPECTED)


def test_two_channel_maps_hold_the_particle_in_the_second(tmp_path: Path) -> None:
    maps = np.stack([~EXPECTED, EXPECTED], axis=-1)[None].repeat(2, axis=0).astype(np.float32)
    with h5py.File(tmp_path / "set_maps.h5", "w") as file:
        file["maps"] = maps
    masks = list(read_label_frames(tmp_path / "set_maps.h5", SHAPE))
    assert len(masks) == 2
    np.testing.assert_array_equal(masks[1].mask, EXPECTED)


def test_a_label_of_another_size_is_refused_with_both_sizes(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", EXPECTED)
    with pytest.raises(DatasetError, match=r"40 x 24 px, but its micrograph 30 x 20 px \(width x height\)"):
        read_label(tmp_path / "a.npy", (20, 30))


def test_regions_of_imagej_fill_the_pixels_they_enclose(tmp_path: Path) -> None:
    polygon = roifile.ImagejRoi.frompoints(np.array(CORNERS))
    polygon.tofile(tmp_path / "a.roi")
    np.testing.assert_array_equal(read_label(tmp_path / "a.roi", SHAPE), EXPECTED)


def test_a_set_of_regions_is_united(tmp_path: Path) -> None:
    left = roifile.ImagejRoi.frompoints(np.array([[10, 3], [15, 3], [15, 8], [10, 8]]))
    right = roifile.ImagejRoi.frompoints(np.array([[14, 3], [20, 3], [20, 8], [14, 8]]))
    roifile.roiwrite(tmp_path / "RoiSet.zip", [left, right], name=["left", "right"])
    np.testing.assert_array_equal(read_label(tmp_path / "RoiSet.zip", SHAPE), EXPECTED)


def test_rectangles_and_ovals_are_areas(tmp_path: Path) -> None:
    for kind, least, most in [(roifile.ROI_TYPE.RECT, 50, 50), (roifile.ROI_TYPE.OVAL, 36, 43)]:
        roi = roifile.ImagejRoi(roitype=kind, left=10, top=3, right=20, bottom=8)
        roi.tofile(tmp_path / "a.roi")
        mask = read_label(tmp_path / "a.roi", SHAPE)
        assert least <= mask.sum() <= most
        assert not mask[~EXPECTED].any()


def test_points_and_lines_are_no_particles(tmp_path: Path) -> None:
    point = roifile.ImagejRoi.frompoints(np.array([[10, 3]]))
    point.roitype = roifile.ROI_TYPE.POINT
    point.tofile(tmp_path / "a.roi")
    with pytest.raises(DatasetError, match="holds 1 regions but no areas"):
        read_label(tmp_path / "a.roi", SHAPE)


def test_regions_drawn_on_a_larger_image_are_refused(tmp_path: Path) -> None:
    roifile.ImagejRoi.frompoints(np.array([[100, 3], [120, 3], [120, 8]])).tofile(tmp_path / "a.roi")
    with pytest.raises(DatasetError, match="its micrograph is 40 x 24 px"):
        read_label(tmp_path / "a.roi", SHAPE)


def coco(file_name: str, segmentation: object, **image: object) -> dict[str, object]:
    entry = {"id": 7, "file_name": file_name, "height": 24, "width": 40} | image
    other = {"id": 8, "file_name": "other.png", "height": 24, "width": 40}
    annotations = [
        {"id": 1, "image_id": 7, "category_id": 1, "segmentation": segmentation},
        {"id": 2, "image_id": 8, "category_id": 1, "segmentation": [[0, 0, 40, 0, 40, 24, 0, 24]]},
    ]
    return {"images": [entry, other], "annotations": annotations, "categories": [{"id": 1, "name": "particle"}]}


POLYGON = [[float(value) for corner in CORNERS for value in corner]]
RUNS = [10 * 24 + 3, 5] + [19, 5] * 9  # down the columns
RUNS += [24 * 40 - sum(RUNS)]


@pytest.mark.parametrize(
    "file_name",
    [
        "au_17.png",
        "subset/au_17.png",  # CVAT
        "images\\1f2e3d4c-au_17.png",  # Label Studio
        "https://storage.labelbox.com/x/au_17.png?token=abc",  # LabelBox
    ],
)
def test_polygons_of_every_exporter_find_their_image(file_name: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(coco(file_name, POLYGON)))
    mask = read_label(tmp_path / "result.json", SHAPE, image=tmp_path / "au_17.tif")
    np.testing.assert_array_equal(mask, EXPECTED)


def test_run_lengths_are_read_plain_and_packed(tmp_path: Path) -> None:
    packed = pack(RUNS)
    for counts_ in (RUNS, packed):
        content = coco("a.png", {"counts": counts_, "size": [24, 40]})
        (tmp_path / "result.json").write_text(json.dumps(content))
        np.testing.assert_array_equal(read_label(tmp_path / "result.json", SHAPE, image=tmp_path / "a.png"), EXPECTED)


def pack(runs: list[int]) -> str:
    """Write run lengths as the COCO tools do."""
    text = ""
    for index, run in enumerate(runs):
        value = run - (runs[index - 2] if index > 2 else 0)
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != -1 if bits & 0x10 else value != 0
            text += chr((bits | (0x20 if more else 0)) + 48)
    return text


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        ("{", ReadError, "is not valid JSON"),
        ("[1, 2]", ReadError, "is not a COCO file"),
        (json.dumps(coco("b.png", POLYGON)), DatasetError, "lists no image named a"),
        (json.dumps(coco("a.png", POLYGON, width=80)), DatasetError, "was annotated at 80 x 24 px"),
        (json.dumps(coco("a.png", [[1, 2, 3]])), ReadError, "neither polygons"),
        (json.dumps(coco("a.png", {"counts": [5, 10**12], "size": [24, 40]})), ReadError, "neither polygons"),
        (json.dumps(coco("a.png", {"counts": "~~~~", "size": [24, 40]})), ReadError, "neither polygons"),
        (json.dumps(coco("a.png", {"counts": RUNS, "size": [40, 24]})), DatasetError, "mask is 24 x 40 px"),
    ],
)
def test_bad_coco_files_are_refused_by_name(content: Any, error: type[Exception], reason: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(error, match=f"result.json: .*{reason}"):
        read_label(tmp_path / "result.json", SHAPE, image=tmp_path / "a.png")


def test_damaged_regions_are_refused_in_one_line(tmp_path: Path) -> None:
    roifile.ImagejRoi.frompoints(np.array(CORNERS)).tofile(tmp_path / "a.roi")
    content = (tmp_path / "a.roi").read_bytes()
    random = np.random.default_rng(3)
    for _ in range(200):
        damaged = bytearray(content[: random.integers(1, len(content) + 1)])
        damaged[random.integers(len(damaged))] = random.integers(256)
        (tmp_path / "a.roi").write_bytes(damaged)
        try:
            assert read_label(tmp_path / "a.roi", SHAPE).shape == SHAPE
        except (ReadError, DatasetError) as error:
            message = str(error)
            assert "\n" not in message


def test_a_stack_of_masks_labels_no_single_micrograph(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack([EXPECTED] * 3))
    with pytest.raises(DatasetError, match="holds several overlapping masks for one micrograph"):
        read_label(tmp_path / "a.npy", SHAPE)
