"""What `tem-rf segment` cannot use is said in one line, with an exit code, and leaves nothing behind."""

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tem_rf.data.tiff import write_tiff
from tem_rf.exporting.export import export_run
from tem_rf.runs import RunFolder
from tem_rf.saved_models import CARD_NAME
from tests.helpers.command import Command, Result, tem_rf
from tests.helpers.labelled_folder import counts_with_disc


@pytest.fixture(scope="module")
def model(trained_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 0.02 nm/px."""
    folder = tmp_path_factory.mktemp("models") / "discs"
    export_run(trained_run, folder)
    return folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    write_tiff(tmp_path / "m.tif", counts_with_disc()[0], pixel_size_nm=0.02)
    return partial(tem_rf, capfd, monkeypatch)


def assert_refused(result: Result, *words: str) -> None:
    assert (result.code != 0, result.stdout) == (True, "")
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("tem-rf: ")
    assert "Traceback" not in result.stderr
    assert all(word in last for word in words), last
    left = Path("segmented")
    assert not left.exists() or not list(left.iterdir())


def test_a_model_of_another_schema(run: Command, model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "newer")
    card = json.loads((tmp_path / "newer" / CARD_NAME).read_text())
    (tmp_path / "newer" / CARD_NAME).write_text(json.dumps(card | {"schema_version": 7}))
    assert_refused(run("segment", "m.tif", "--model", "newer"), "schema version 7, this tem-rf reads 1")


def test_a_saved_model_of_another_program(run: Command, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "saved_model.pb").write_bytes(b"graph")
    assert_refused(run("segment", "m.tif", "--model", "theirs"), "a SavedModel of another program", "tem-rf export")


def test_an_empty_stack(run: Command, model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", np.zeros((0, 64, 96), np.float32))
    assert_refused(run("segment", "none.npy", "--model", model), "none.npy")


def test_nan(run: Command, model: Path, tmp_path: Path) -> None:
    image = counts_with_disc()[0].astype(np.float32)
    image[3, 4] = np.nan
    np.save(tmp_path / "m.npy", image)
    assert_refused(run("segment", "m.npy", "--model", model), "m.npy: 1 of 6144 pixels are NaN")


def test_a_file_as_the_output_folder(run: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    result = run("segment", "m.tif", "--model", model, "--output", "taken")
    assert_refused(result, "taken")
    assert (tmp_path / "taken").read_text() == "a file"


def test_a_pixel_size_far_from_that_of_a_named_model_is_a_warning_with_both(
    run: Command, model: Path, tmp_path: Path
) -> None:
    write_tiff(tmp_path / "far.tif", counts_with_disc((128, 192))[0], pixel_size_nm=0.05)
    result = run("segment", "far.tif", "--model", model)
    assert result.code == 0
    assert "has 0.05 nm/px, but discs was trained at 0.02 nm/px" in result.stderr
    assert "--rescale" in result.stderr


def test_a_pixel_size_far_from_that_of_all_models_is_refused_with_both(
    run: Command, model: Path, tmp_path: Path
) -> None:
    write_tiff(tmp_path / "far.tif", counts_with_disc()[0], pixel_size_nm=0.05)
    assert_refused(run("segment", "far.tif", "--models", model.parent), "0.05 nm/px", "discs at 0.02", "--rescale")


def test_an_image_smaller_than_the_reach_is_a_warning(run: Command, model: Path, tmp_path: Path) -> None:
    write_tiff(tmp_path / "small.tif", counts_with_disc((16, 40), radius=5)[0], pixel_size_nm=0.02)
    result = run("segment", "small.tif", "--model", model)
    assert result.code == 0
    assert "40 x 16 px is smaller than the reach of discs" in result.stderr
