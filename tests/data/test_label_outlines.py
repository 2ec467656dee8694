"""Outlines of every program: drawn where they agree with the micrograph, clipped at its borders, chosen by class."""

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
from PIL import Image

from tem_rf.errors import DatasetError, ReadError
from tests.helpers.drawn import SHAPE, coco, read_one, square

INSIDE = np.zeros(SHAPE, bool)
INSIDE[20:50, 10:40] = True  # what square(10, 20, 30) encloses
POINTS = np.reshape(square(10, 20, 30), (-1, 2))


def as_coco(points: Any, kind: Any = "particle") -> Any:
    return "a.json", coco("a.tif", [{"segmentation": [np.ravel(points).tolist()]}], (kind,))


def as_labelme(points: Any, kind: Any = "particle") -> Any:
    shapes = [{"label": kind, "points": np.asarray(points).tolist(), "shape_type": "polygon"}]
    return "a.json", json.dumps({"version": "5.5", "shapes": shapes, "imagePath": "a.tif"})


def as_geojson(points: Any, kind: Any = "particle") -> Any:
    ring = [*np.asarray(points).tolist(), np.asarray(points)[0].tolist()]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"objectType": "annotation", "classification": {"name": kind, "color": [200, 0, 0]}},
    }
    return "a.geojson", json.dumps({"type": "FeatureCollection", "features": [feature]})


def as_roi(points: Any, kind: Any = "") -> Any:
    return "a.roi", roifile.ImagejRoi.frompoints(np.asarray(points, np.float32)).tobytes()


EVERY = [as_coco, as_labelme, as_geojson, as_roi]


def write(folder: Path, name: str, content: Any) -> Any:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("form", EVERY)
def test_an_outline_of_every_program_encloses_the_same_pixels(form: Any, tmp_path: Path) -> None:
    label = read_one(write(tmp_path, *form(POINTS)))
    np.testing.assert_array_equal(label.mask, INSIDE)
    assert label.notes == ()


@pytest.mark.parametrize("form", EVERY)
@pytest.mark.parametrize("shift", [(-25, 0), (110, 0), (0, -40), (0, 60)], ids=["left", "right", "top", "bottom"])
def test_an_outline_that_a_border_cuts_is_clipped_and_says_so(shift: Any, form: Any, tmp_path: Path) -> None:
    label = read_one(write(tmp_path, *form(POINTS + shift)))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    wanted = (x >= 10 + shift[0]) & (x < 40 + shift[0]) & (y >= 20 + shift[1]) & (y < 50 + shift[1])
    np.testing.assert_array_equal(label.mask, wanted)
    assert "1 of 1 outlines extend beyond the border and were clipped" in label.notes


@pytest.mark.parametrize("form", EVERY)
@pytest.mark.parametrize("shift", [(-60, 0), (200, 0), (0, 90)])
def test_an_outline_outside_was_drawn_on_another_image(shift: Any, form: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"reaches x=.*, but its micrograph is 128 x 96 px; draw the outlines on"):
        read_one(write(tmp_path, *form(POINTS + shift)))


@pytest.mark.parametrize("form", EVERY)
def test_coordinates_divided_by_the_size_are_refused_with_the_largest(form: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"its largest coordinate is 0\.521, but its micrograph is 128 x 96 px"):
        read_one(write(tmp_path, *form(POINTS / (128, 96))))


@pytest.mark.parametrize("form", EVERY[:3])
@pytest.mark.parametrize("kind", ["background", "_background_", "BG"])
def test_background_is_not_drawn_as_particle(kind: Any, form: Any, tmp_path: Path) -> None:
    label = read_one(write(tmp_path, *form(POINTS, kind)))
    assert not label.mask.any()


CLASSES = coco(
    "a.tif",
    [
        {"segmentation": [square(10, 20, 30)], "category_id": 1},
        {"segmentation": [square(60, 20, 40)], "category_id": 2},
        {"segmentation": [square(110, 80, 8)], "category_id": 3},
    ],
    ("Au nanoparticles", "grid bar", "ignore"),
)


def test_classes_are_chosen_by_name_and_said_with_their_shares(tmp_path: Path) -> None:
    label = read_one(write(tmp_path, "a.json", CLASSES))
    np.testing.assert_array_equal(label.mask, INSIDE)
    assert label.unsure.sum() == 64
    assert label.notes[0] == (
        "holds the classes Au nanoparticles (7.3 %), grid bar (13.0 %), ignore (0.52 %); read as particle: "
        "Au nanoparticles"
    )


def test_classes_of_which_none_is_called_particle_are_for_the_user_to_choose(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", CLASSES.replace("Au nanoparticles", "Au"))
    with pytest.raises(DatasetError, match=r"holds the classes Au \(7\.3 %\), grid bar \(13\.0 %\).*`particle`"):
        read_one(path)
    label = read_one(path, particle="au", not_sure="grid bar")
    np.testing.assert_array_equal(label.mask, INSIDE)
    assert label.unsure.sum() == 1600
    np.testing.assert_array_equal(read_one(path, background="grid bar, ignore").mask, INSIDE)


@pytest.mark.parametrize(("name", "reading"), [("window", {"complete_area": "window"}), ("labelled area", {})])
def test_outside_a_box_of_complete_labels_background_is_not_sure(tmp_path: Path, name: str, reading: Any) -> None:
    annotations = [
        {"segmentation": [square(10, 20, 30)], "category_id": 1},
        {"segmentation": [square(0, 10, 60)], "category_id": 2},
    ]
    label = read_one(write(tmp_path, "a.json", coco("a.tif", annotations, ("particle", name))), **reading)
    np.testing.assert_array_equal(label.mask, INSIDE)
    assert label.unsure is not None
    assert not label.unsure[10:70, :60].any()
    assert label.unsure.sum() == label.mask.size - 3600
    assert any("everything is labelled within" in note for note in label.notes)


def test_a_category_without_annotations_is_passed_over(tmp_path: Path) -> None:
    annotation = {"segmentation": [square(10, 20, 30)], "category_id": 2}
    label = read_one(write(tmp_path, "a.json", coco("a.tif", [annotation], ("whatever", "Au"))))
    np.testing.assert_array_equal(label.mask, INSIDE)
    assert label.notes == ()


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ([{"bbox": [1, 2, 3, 4], "segmentation": []}, {"bbox": [1, 2, 3, 4]}], "holds boxes of a and no outlines"),
        ([{"keypoints": [1, 2, 2], "segmentation": []}], "holds points of a and no outlines"),
    ],
)
def test_annotations_without_outlines_are_named(annotations: Any, reason: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=reason):
        read_one(write(tmp_path, "a.json", coco("a.tif", annotations)))


def test_boxes_beside_outlines_are_left_out_and_boxes_as_outlines_are_asked_about(tmp_path: Path) -> None:
    some = [{"segmentation": [square(10, 20, 30)]}, {"bbox": [60, 20, 9, 9], "segmentation": []}]
    assert read_one(write(tmp_path, "a.json", coco("a.tif", some))).notes == (  # type: ignore[arg-type]
        "1 of 2 annotations are boxes without outlines and were left out",
    )
    boxes = [{"segmentation": [square(20 * number, 20, 15)]} for number in range(4)]
    label = read_one(write(tmp_path, "a.json", coco("a.tif", boxes)))
    assert label.notes == (
        "all its outlines are upright rectangles; are they boxes around particles rather than outlines?",
    )


def test_a_run_length_mask_of_another_size_is_refused_though_its_pixels_are_as_many(tmp_path: Path) -> None:
    turned = {"counts": [100, 50, 128 * 96 - 150], "size": [128, 96]}
    with pytest.raises(DatasetError, match="a run-length mask is 96 x 128 px, but its micrograph 128 x 96 px"):
        read_one(write(tmp_path, "a.json", coco("a.tif", [{"segmentation": turned}])))


@pytest.mark.parametrize(
    "image",
    [
        {"file_name": "a_tif.rf.0123456789abcdef0123456789abcdef.jpg", "extra": {"name": "a.tif"}},
        {"file_name": "b7f3e2d1-a.png"},
        {"file_name": "C:\\Users\\x\\images\\a.png"},
        {"file_name": "a.tif", "height": 0, "width": None},
        {"file_name": "a.tif", "id": "1"},
    ],
)
def test_coco_finds_its_image_by_every_name_that_exporters_give_it(image: Any, tmp_path: Path) -> None:
    label = read_one(write(tmp_path, "a.json", coco("", [{"segmentation": [square(10, 20, 30)]}], **image)))
    np.testing.assert_array_equal(label.mask, INSIDE)


def test_a_polygon_that_is_not_nested_is_read(tmp_path: Path) -> None:
    label = read_one(write(tmp_path, "a.json", coco("a.tif", [{"segmentation": square(10, 20, 30)}])))
    np.testing.assert_array_equal(label.mask, INSIDE)


def labelme(*shapes: Any, **more: Any) -> Any:
    return json.dumps({"version": "5.5", "shapes": list(shapes), "imagePath": "a.tif"} | more)


def pasted_mask() -> Any:
    file = io.BytesIO()
    Image.fromarray(np.full((30, 30), 255, np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    "shape",
    [
        {"shape_type": "rectangle", "points": [[40, 50], [10, 20]]},
        {"shape_type": "rectangle", "points": POINTS.tolist()},
        {"shape_type": "mask", "points": [[10, 20], [39, 49]], "mask": pasted_mask()},
        {"points": POINTS.tolist()},
    ],
    ids=["two corners", "four corners", "mask", "without a type"],
)
def test_shapes_of_labelme_are_areas(shape: Any, tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", labelme({"label": "particle"} | shape, imageHeight=96, imageWidth=128))
    np.testing.assert_array_equal(read_one(path).mask, INSIDE)


def test_circles_of_labelme_are_areas_and_lines_are_passed_over(tmp_path: Path) -> None:
    circle = {"label": "p", "shape_type": "circle", "points": [[60, 50], [80, 50]]}
    line = {"label": "p", "shape_type": "line", "points": [[0, 0], [9, 9]]}
    label = read_one(write(tmp_path, "a.json", labelme(circle, line)))
    assert label.mask.sum() == pytest.approx(np.pi * 400, rel=0.01)
    assert label.notes == ("1 of its shapes are lines or points and were ignored",)
    with pytest.raises(DatasetError, match="holds 1 shapes but no areas"):
        read_one(write(tmp_path, "a.json", labelme(line)))


def test_labelme_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="was drawn at 256 x 192 px, but its micrograph is 128 x 96 px"):
        read_one(write(tmp_path, "a.json", labelme(imageHeight=192, imageWidth=256)))


def geometry(kind: Any, coordinates: Any) -> Any:
    return {"type": kind, "coordinates": coordinates}


OUTER, HOLE = np.reshape(square(0, 0, 40), (-1, 2)).tolist(), np.reshape(square(10, 10, 10), (-1, 2)).tolist()


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (geometry("Polygon", [OUTER, HOLE]), 1500),
        (geometry("MultiPolygon", [[OUTER, HOLE], [HOLE]]), 1600),
        ([{"type": "Feature", "geometry": geometry("Polygon", [OUTER]), "properties": {"classification": "p"}}], 1600),
        ({"type": "GeometryCollection", "geometries": [geometry("Polygon", [OUTER])]}, 1600),
    ],
    ids=["hole", "several parts", "a list of features", "a collection"],
)
def test_geojson_of_every_form_is_read(content: Any, pixels: Any, tmp_path: Path) -> None:
    assert read_one(write(tmp_path, "a.geojson", json.dumps(content))).mask.sum() == pixels


@pytest.mark.parametrize(
    ("content", "whose"),
    [
        ({"_via_img_metadata": {}}, "VGG Image Annotator"),
        ({"a.png": {"filename": "a.png", "regions": []}}, "VGG Image Annotator"),
        ([{"data": {"image": "a.png"}, "annotations": []}], "Label Studio's own JSON"),
        ([{"data_row": {}, "projects": {}}], "LabelBox's own JSON"),
        ({"size": {}, "objects": []}, "Supervisely"),
        ({"images": [], "categories": []}, "its list of annotations is missing"),
    ],
)
def test_json_of_other_programs_is_named(content: Any, whose: Any, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=f"{whose}.*export it as COCO"):
        read_one(write(tmp_path, "a.json", json.dumps(content)))


def test_a_set_of_regions_from_a_mac_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("set/0000.roi", as_roi(POINTS)[1])
        archive.writestr("__MACOSX/set/._0000.roi", b"\0\5\x16\7Mac OS X")
        archive.writestr("set/.DS_Store", b"\0\0\0\1Bud1")
        archive.writestr("set/readme.txt", b"drawn by hand")
    np.testing.assert_array_equal(read_one(tmp_path / "a.zip").mask, INSIDE)


def test_an_archive_without_regions_says_what_it_holds(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", b"")
    with pytest.raises(DatasetError, match=r"holds no \.roi files \(a\.png\)"):
        read_one(tmp_path / "a.zip")


def test_points_beside_outlines_are_passed_over_and_counted(tmp_path: Path) -> None:
    point = roifile.ImagejRoi.frompoints(np.array([[10, 3]]))
    point.roitype = roifile.ROI_TYPE.POINT
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("0.roi", as_roi(POINTS)[1])
        archive.writestr("1.roi", point.tobytes())
    assert read_one(tmp_path / "a.zip").notes == ("1 of its 2 regions are lines or points and were ignored",)
