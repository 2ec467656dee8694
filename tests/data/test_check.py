import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from tem_rf.cli.app import app
from tem_rf.data.check import check_folder
from tem_rf.data.tiff import write_tiff
from tests.helpers.written_files import counts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        write_tiff(tmp_path / f"images/{name}.tif", counts(), pixel_size_nm=0.02)
        write_tiff(tmp_path / f"labels/{name}.tif", np.eye(24, 40, dtype=bool))
    return tmp_path


def test_a_folder_in_order_has_no_problems(folder: Path) -> None:
    outcome = check_folder(folder)
    assert not outcome.problems
    assert [pair.image.name for pair in outcome.pairs] == ["a.tif", "b.tif", "c.tif"]
    pair = outcome.pairs[0]
    assert (pair.frames, pair.height_px, pair.width_px, pair.particle_fraction) == (1, 24, 40, 24 / 960)
    assert pair.pixel_size_nm == pytest.approx(0.02)


def test_every_problem_is_found_at_once_and_names_its_file(folder: Path) -> None:
    (folder / "images/a.tif").write_bytes(b"II*\0broken")
    write_tiff(folder / "labels/b.tif", np.zeros((24, 40), bool))
    write_tiff(folder / "labels/c.tif", np.ones((24, 41), bool))
    write_tiff(folder / "images/d.tif", counts())
    outcome = check_folder(folder)
    assert not outcome.pairs
    reasons = {problem.path.relative_to(folder).as_posix(): problem.reason for problem in outcome.problems}
    assert "truncated or damaged" in reasons["images/a.tif"]
    assert "marks no particle" in reasons["labels/b.tif"]
    assert "41 x 24 px, but its micrograph 40 x 24 px" in reasons["labels/c.tif"]
    assert "has no label" in reasons["images/d.tif"]


def test_a_label_that_marks_everything_is_a_problem(folder: Path) -> None:
    write_tiff(folder / "labels/b.tif", np.full((24, 40), 255, np.uint8))
    (problem,) = check_folder(folder).problems
    assert problem.path.name == "b.tif"
    assert "marks every pixel as particle" in problem.reason


def test_labels_that_mark_most_of_all_pixels_get_a_note(folder: Path) -> None:
    assert not check_folder(folder).notes
    for name in ("a", "b", "c"):
        write_tiff(folder / f"labels/{name}.tif", ~np.eye(24, 40, dtype=bool))
    outcome = check_folder(folder)
    assert not outcome.problems
    assert outcome.notes == ("98% of all pixels are marked as particle; are the masks inverted?",)
    printed = CliRunner().invoke(app, ["data", "check", str(folder)])
    assert (printed.exit_code, "are the masks inverted?" in printed.stdout) == (0, True)


def test_a_micrograph_of_another_scale_is_a_problem_unless_the_scale_is_given(folder: Path) -> None:
    Image.fromarray(counts()).save(folder / "images/d.png")
    Image.fromarray(np.eye(24, 40, dtype=bool)).save(folder / "labels/d.png")
    (problem,) = check_folder(folder).problems
    assert problem.path.name == "d.png"
    assert "its pixel size is unknown, that of most others 0.02 nm" in problem.reason
    assert not check_folder(folder, pixel_size_nm=0.02).problems


def test_scales_that_the_preparation_takes_together_are_no_problem(folder: Path) -> None:
    write_tiff(folder / "images/b.tif", counts(), pixel_size_nm=0.02015)
    assert not check_folder(folder).problems
    write_tiff(folder / "images/b.tif", counts(), pixel_size_nm=0.0203)
    (problem,) = check_folder(folder).problems
    assert "its pixel size is 0.0203 nm, that of most others 0.02 nm" in str(problem)


def test_the_command_prints_a_table_and_fails_when_something_is_wrong(folder: Path) -> None:
    good = CliRunner().invoke(app, ["data", "check", str(folder)])
    assert good.exit_code == 0
    assert "24 x 40" not in good.stdout
    assert "40 x 24" in good.stdout
    (folder / "labels/b.tif").unlink()
    bad = CliRunner().invoke(app, ["data", "check", str(folder)])
    assert bad.exit_code == 1
    assert "has no label" in bad.stdout
    assert "1 problem, 2 usable pairs" in bad.stdout


def test_the_command_prints_json(folder: Path) -> None:
    outcome = json.loads(CliRunner().invoke(app, ["data", "check", str(folder), "--json"]).stdout)
    assert outcome["ok"] is True
    assert outcome["pairs"][2]["image"].endswith("images/c.tif")


def test_the_frames_of_a_stack_are_checked_with_their_masks(tmp_path: Path) -> None:
    masks = np.stack([np.eye(24, 40, dtype=bool), np.zeros((24, 40), bool), np.eye(24, 40, dtype=bool)])
    np.savez(tmp_path / "both.npz", images=counts((3, 24, 40)), labels=masks)
    (pair,) = check_folder(tmp_path).pairs
    assert (pair.frames, pair.particle_fraction) == (3, 48 / 2880)


def test_one_file_is_checked_with_the_file_of_its_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", counts((3, 24, 40)))
    np.save(tmp_path / "drawn.npy", np.stack([np.eye(24, 40, dtype=bool)] * 2))
    (problem,) = check_folder(tmp_path / "a.npy", tmp_path / "drawn.npy").problems
    assert problem.path.name == "drawn.npy"
    assert "holds 2 masks" in problem.reason


def test_pixels_that_are_not_square_are_a_problem_unless_they_are_to_be_resampled(folder: Path) -> None:
    twice_as_high: dict[str, Any] = {"imagej": True, "resolution": (50, 25), "metadata": {"unit": "nm", "axes": "YX"}}
    tifffile.imwrite(folder / "images/b.tif", counts().astype(np.float32), **twice_as_high)
    result = CliRunner().invoke(app, ["data", "check", str(folder)])
    assert (result.exit_code, "add --resample to make them square" in result.stdout) == (1, True)
    assert CliRunner().invoke(app, ["data", "check", str(folder), "--resample"]).exit_code == 0
