import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tem_rf.data.pairing import micrographs_in, pair_labels
from tem_rf.errors import DatasetError, ReadError


def touch(folder: Path, *names: Any) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(pairing: Any) -> list[tuple[str, str]]:
    return [(pair.image.name, pair.label.name) for pair in pairing.pairs]


@pytest.mark.parametrize("labels", ["labels", "masks", "annotations"])
def test_folders_beside_each_other_pair_by_stem_in_order(labels: str, tmp_path: Path) -> None:
    touch(
        tmp_path,
        "images/b.dm4",
        "images/a.tif",
        f"{labels}/a.png",
        f"{labels}/b.npy",
        "notes.txt",
        "images/.hidden.tif",
    )
    pairing = pair_labels(tmp_path)
    assert names(pairing) == [("a.tif", "a.png"), ("b.dm4", "b.npy")]
    assert not pairing.problems


def test_a_flat_folder_pairs_by_the_ending_of_the_label(tmp_path: Path) -> None:
    touch(tmp_path, "a.tif", "a_mask.png", "b.tif", "b-label.tif", "c.tif", "c.roi", "d.tif", "d_RoiSet.zip")
    pairing = pair_labels(tmp_path)
    assert names(pairing) == [
        ("a.tif", "a_mask.png"),
        ("b.tif", "b-label.tif"),
        ("c.tif", "c.roi"),
        ("d.tif", "d_RoiSet.zip"),
    ]
    assert not pairing.problems


def test_micrographs_with_labels_in_a_folder_below(tmp_path: Path) -> None:
    touch(tmp_path, "a.tif", "labels/a.png")
    assert names(pair_labels(tmp_path)) == [("a.tif", "a.png")]


def test_two_folders_pair_whatever_endings_the_labels_have(tmp_path: Path) -> None:
    touch(tmp_path, "raw/a.tif", "raw/seg.tif", "drawn/a_mask.png", "drawn/seg.png")
    assert names(pair_labels(tmp_path / "raw", tmp_path / "drawn")) == [("a.tif", "a_mask.png"), ("seg.tif", "seg.png")]


def test_whatever_does_not_pair_says_why(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.tif", "images/b.tif", "images/b.png", "images/d.tif")
    touch(tmp_path, "labels/b.png", "labels/c.png", "labels/d.png", "labels/d.tif")
    pairing = pair_labels(tmp_path)
    assert not pairing.pairs
    reasons = {problem.path.name: problem.reason for problem in pairing.problems}
    assert "has no label; expected one named a in" in reasons["a.tif"]
    assert "has the same stem as b.png" in reasons["b.tif"]
    assert "labels c, but there is no such micrograph" in reasons["c.png"]
    assert "has several labels, d.png and d.tif" in reasons["d.tif"]


def test_one_coco_file_labels_many_micrographs(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.tif", "images/b.tif")
    images = [{"id": 1, "file_name": "a.tif"}, {"id": 2, "file_name": "c.tif"}]
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/result.json").write_text(json.dumps({"images": images, "annotations": []}))
    for pairing in (pair_labels(tmp_path), pair_labels(tmp_path / "images", tmp_path / "annotations/result.json")):
        assert names(pairing) == [("a.tif", "result.json")]
        assert {problem.path.name for problem in pairing.problems} == {"b.tif", "result.json"}


def test_an_emi_file_does_not_count_beside_its_ser_file(tmp_path: Path) -> None:
    touch(tmp_path, "images/scan.emi", "images/scan_1.ser", "labels/scan_1.png")
    pairing = pair_labels(tmp_path)
    assert names(pairing) == [("scan_1.ser", "scan_1.png")]
    assert not pairing.problems


def test_a_published_pair_of_files_is_known_by_what_it_holds(tmp_path: Path) -> None:
    for name, dataset in [("Filtered_20190726.h5", "images"), ("unfiltered_20190423.h5", "maps")]:
        with h5py.File(tmp_path / name, "w") as file:
            file[dataset] = np.zeros((2, 8, 8, 2 if dataset == "maps" else 1), np.float32)
    pairing = pair_labels(tmp_path)
    assert names(pairing) == [("Filtered_20190726.h5", "unfiltered_20190423.h5")]
    assert not pairing.problems


def test_a_file_that_holds_images_and_labels_pairs_with_itself(tmp_path: Path) -> None:
    np.savez(tmp_path / "both.npz", images=np.zeros((2, 8, 8)), labels=np.ones((2, 8, 8), bool))
    assert names(pair_labels(tmp_path)) == [("both.npz", "both.npz")]


@pytest.mark.parametrize("existing", [None, "empty"])
def test_a_folder_that_is_missing_or_empty_is_refused(existing: str | None, tmp_path: Path) -> None:
    if existing:
        (tmp_path / existing).mkdir()
    with pytest.raises(DatasetError, match=r"no such folder|no micrographs; expected files ending in \.tif"):
        pair_labels(tmp_path / "empty")


def test_endings_that_belong_to_the_name_do_not_keep_files_apart(tmp_path: Path) -> None:
    touch(tmp_path, "images/JEOL HAADF Image.dm4", "images/au_image.tif", "images/Au map.tif")
    touch(tmp_path, "labels/JEOL HAADF Image.png", "labels/au_label.png", "labels/Au map.png")
    pairing = pair_labels(tmp_path)
    assert len(pairing.pairs) == 3
    assert not pairing.problems


def test_the_micrographs_of_a_folder_are_those_that_somebody_recorded(tmp_path: Path) -> None:
    for name in ("a.emi", "a_1.ser", ".hidden.tif", "._b.tif", "b.tif", "b_mask.tif", "strain_map.tif", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in micrographs_in(tmp_path)] == ["a_1.ser", "b.tif", "strain_map.tif"]
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "c.tif").touch()
    assert [path.name for path in micrographs_in(tmp_path)] == ["c.tif"]
    (tmp_path / "images" / "c.tif").unlink()
    with pytest.raises(ReadError, match=r"images: no micrographs; expected files ending in"):
        micrographs_in(tmp_path)


def test_a_micrograph_beside_a_folder_of_micrographs_with_folders_of_its_own_is_found(tmp_path: Path) -> None:
    touch(tmp_path, "micrographs/images/a.tif", "micrographs/labels/a.png", "movie.tif", "movie_mask.tif")
    assert names(pair_labels(tmp_path)) == [("movie.tif", "movie_mask.tif")]
    assert names(pair_labels(tmp_path / "micrographs")) == [("a.tif", "a.png")]
