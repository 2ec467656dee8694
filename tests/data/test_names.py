"""Names that belong together, whatever programs, cameras and systems made of them."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tem_rf.cli.app import app
from tem_rf.config.reading import reading_settings
from tem_rf.data.pairing import micrographs_at, micrographs_in, pair_labels
from tem_rf.errors import SettingsError
from tests.data.test_pairing import names, touch
from tests.helpers.labelled_folder import write_folder

ACCENT = "Goldk\u00f6rner"
TOGETHER = [
    ("au.ome.tif", "au.ome.tif"),
    ("au.ome.tif", "au_mask.ome.tif"),
    ("au.ome.tif", "au_mask.tif"),
    ("au.tif", "au.ome.tif"),
    ("au.tif", "au_cp_masks.png"),
    ("au.tif", "au_cp_masks.tif"),
    ("au.tif", "au_seg.npy"),
    ("au.tif", "au-labels.tif"),
    ("au.tif", "au labels.png"),
    ("au.tif", "au.labels.tif"),
    ("au.tif", "au_Simple Segmentation.tif"),
    ("au.tif", "au_Simple Segmentation.h5"),
    ("au.tif", "au-image_Object Predictions.png"),
    ("au.tif", "au.tif.png"),
    ("au.tif", "au.tif_mask.png"),
    ("au.tif", "au.tif.zip"),
    ("au.tif", "au.roi.zip"),
    ("au.tif", "RoiSet_au.zip"),
    ("au.tif", "au RoiSet.zip"),
    ("au.tif", "Mask of au.tif"),
    ("au.tif", "mask_au.png"),
    ("au.tif", "Classified au.tif"),
    ("au.tif", "au_ground_truth.png"),
    ("au.tif", "au_annotated.png"),
    ("au.tif", "AU.PNG"),
    ("Au_17.TIF", "au_17_Mask.png"),
    (f"{ACCENT}.tif", f"{unicodedata.normalize('NFD', ACCENT)}_mask.png"),
    (f"{unicodedata.normalize('NFD', ACCENT)}.tif", f"{ACCENT}.png"),
    ("au_17.tif", "au_17_tif.rf.0123456789abcdef0123456789abcdef.png"),
    ("au_17_png.rf.0123456789abcdef0123456789abcdef.jpg", "au_17_mask.png"),
    ("au_image.tif", "au_label.tif"),
    ("au_img.tif", "au_mask.png"),
    ("1f2e3d4c-au.png", "au.png"),
]


@pytest.mark.parametrize(("image", "label"), TOGETHER)
def test_two_folders_pair(image: Any, label: Any, tmp_path: Path) -> None:
    touch(tmp_path, f"images/{image}", "images/other.tif", f"labels/{label}", "labels/other.png")
    pairing = pair_labels(tmp_path)
    assert (image, label) in names(pairing)
    assert not pairing.problems


@pytest.mark.parametrize(("image", "label"), [pair for pair in TOGETHER if "mask" in pair[1].lower()])
def test_one_folder_pairs(image: Any, label: Any, tmp_path: Path) -> None:
    touch(tmp_path, image, label)
    pairing = pair_labels(tmp_path)
    assert names(pairing) == [(image, label)]
    assert not pairing.problems
    assert [path.name for path in micrographs_in(tmp_path)] == [image]


@pytest.mark.parametrize(
    ("images", "labels", "given"),
    [
        ("data/images", "data/labels", "data/images"),
        ("data/images", "data/Masks", "data/images"),
        ("data/images", "data/images/labels", "data/images"),
        ("data/images", "data/images/labels", "data"),
        ("data/Images", "data/Ground_Truth", "data"),
        ("data/raw", "data/annotations", "data"),
        ("data/JPEGImages", "data/SegmentationClass", "data"),
        ("data/train_images", "data/train_masks", "data/train_images"),
        ("data/au", "data/au_labels", "data/au"),
    ],
)
def test_folders_of_labels_are_found_beside_and_below(images: Any, labels: Any, given: Any, tmp_path: Path) -> None:
    touch(tmp_path, f"{images}/a.tif", f"{labels}/a.png")
    assert names(pair_labels(tmp_path / given)) == [("a.tif", "a.png")]


def test_names_that_differ_in_case_only_are_kept_apart(tmp_path: Path) -> None:
    touch(tmp_path, "images/A.tif", "images/a.tif", "labels/A.png", "labels/a.png")
    assert names(pair_labels(tmp_path)) == [("A.tif", "A.png"), ("a.tif", "a.png")]


def test_a_near_miss_is_named_on_both_sides(tmp_path: Path) -> None:
    touch(tmp_path, "images/Au_0017.tif", "images/b.tif", "labels/Au_017.png", "labels/b.png")
    first, second = pair_labels(tmp_path).problems
    assert "did you mean Au_017.png? Rename it, or give the pattern of the names with `pair`" in str(first)
    assert "did you mean Au_0017.tif?" in str(second)


@pytest.mark.parametrize("suffix", [".xml", ".txt", ".mat", ".ndjson"])
def test_a_label_of_a_kind_that_is_not_read_is_named(suffix: Any, tmp_path: Path) -> None:
    touch(tmp_path, "images/a.tif", f"labels/a{suffix}")
    (problem,) = pair_labels(tmp_path).problems
    assert f"a{suffix} is" in str(problem)
    assert "which is not read: export COCO" in str(problem)


@pytest.mark.parametrize(
    ("pattern", "label"),
    [
        ("{name}_drawn_by_*", "a_drawn_by_anna.png"),
        ("{name}_drawn_by_*.png", "a_drawn_by_anna.png"),
        ("anna-{name}", "anna-a.tif"),
        ("{name}??", "a01.png"),
        ("{name}_{name}", "a_a.roi"),
    ],
)
def test_a_pattern_pairs_what_nothing_else_does(pattern: Any, label: Any, tmp_path: Path) -> None:
    touch(tmp_path, "images/a.tif", f"labels/{label}")
    assert not pair_labels(tmp_path).pairs
    assert names(pair_labels(tmp_path, reading=reading_settings(pair=pattern))) == [("a.tif", label)]
    touch(tmp_path, "flat/a.tif", f"flat/{label}")
    assert names(pair_labels(tmp_path / "flat", reading=reading_settings(pair=pattern))) == [("a.tif", label)]


def test_a_pattern_without_the_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="pair"):
        reading_settings(pair="*_mask.png")


def test_cellposes_pickle_is_passed_over_beside_its_masks_and_its_pictures_are_no_micrographs(tmp_path: Path) -> None:
    touch(tmp_path, "a.tif", "a_cp_masks.png", "a_seg.npy", "a_flows.tif", "a_cp_outlines.png", "a_overlay.png")
    pairing = pair_labels(tmp_path)
    assert names(pairing) == [("a.tif", "a_cp_masks.png")]
    assert not pairing.problems
    assert [path.name for path in micrographs_in(tmp_path)] == ["a.tif"]


def test_every_series_of_an_emi_file_is_a_micrograph(tmp_path: Path) -> None:
    touch(tmp_path, "scan.emi", "scan_1.ser", "scan_2.ser")
    both = [tmp_path / "scan_1.ser", tmp_path / "scan_2.ser"]
    assert micrographs_in(tmp_path) == both
    assert micrographs_at(tmp_path / "scan.emi") == both
    assert micrographs_at(both[0]) == both[:1]


def test_the_command_takes_a_pattern(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, 3)
    for path in (folder / "labels").iterdir():
        path.rename(path.with_name(f"by anna {path.name}"))
    bad = CliRunner().invoke(app, ["data", "check", str(folder)])
    assert (bad.exit_code, "did you mean by anna m0.tif" in bad.stdout) == (1, True)
    assert CliRunner().invoke(app, ["data", "check", str(folder), "--pair", "by anna {name}"]).exit_code == 0
