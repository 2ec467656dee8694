import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from tem_rf.cli.app import app
from tem_rf.errors import SettingsError
from tests.helpers.labelled_folder import counts_with_disc, write_folder, write_pair

SMALL = ["--patch-size", "32", "--background-threshold", "20"]


def run(*arguments: Any) -> str:
    """Standard output of a command that ends well."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "raw")


def test_the_json_holds_the_splits_and_the_notes(folder: Path, tmp_path: Path) -> None:
    result = json.loads(run("prepare", folder, "--output", tmp_path / "set", *SMALL, "--json"))
    assert [split["micrographs"] for split in result["splits"]] == [3, 1, 1]
    assert result["pixel_size_nm"] == pytest.approx(0.02)
    again = json.loads(run("prepare", folder, "--output", tmp_path / "set", *SMALL, "--json"))
    assert (result["reused"], again["reused"]) == (False, True)


def test_pixels_left_out_are_reported(folder: Path, tmp_path: Path) -> None:
    notes = json.loads(
        run("prepare", folder, "-o", tmp_path / "set", "--patch-size", 48, "--background-threshold", 20, "--json")
    )["notes"]
    assert "25.0% of the pixels, at the right and bottom, fill no patch and were left out" in notes


def test_inverted_masks_get_a_note(tmp_path: Path) -> None:
    for index in range(5):
        image, mask = counts_with_disc(seed=index)
        write_pair(tmp_path / "raw", f"m{index}", image, ~mask)
    notes = json.loads(run("prepare", tmp_path / "raw", "--output", tmp_path / "set", *SMALL, "--json"))["notes"]
    assert "93% of all pixels are marked as particle; are the masks inverted?" in notes


def test_the_table_names_the_splits(folder: Path, tmp_path: Path) -> None:
    text = run("prepare", folder, "--output", tmp_path / "set", *SMALL)
    assert all(split in text for split in ("train", "validation", "test"))


def test_a_threshold_of_0_leaves_outliers_in(folder: Path, tmp_path: Path) -> None:
    run("prepare", folder, "--output", tmp_path / "set", *SMALL, "--xray-threshold", 0)
    manifest = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert manifest["settings"]["xray_threshold"] is None


def test_an_unknown_split_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="`split`: input should be 'micrograph' or 'study', received 'random'"):
        run("prepare", folder, "--output", tmp_path / "set", "--split", "random")


def write_published(folder: Path, name: str, images: np.ndarray, **labels: np.ndarray) -> None:
    with h5py.File(folder / f"{name}_images.h5", "w") as file:
        file["images"] = images
    with h5py.File(folder / f"{name}_labels.h5", "w") as file:
        file.update(labels)


def test_a_preset_prepares_a_published_set_as_its_study_did(tmp_path: Path) -> None:
    frames = [counts_with_disc(seed=seed) for seed in range(4)]
    write_published(
        tmp_path, "20nm", np.stack([image for image, _ in frames]), labels=np.stack([mask for _, mask in frames])
    )
    run("prepare", tmp_path, "--output", tmp_path / "set", "--preset", "au-20nm", *SMALL)
    manifest = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert manifest["pixel_size_nm"] == 0.1243
    assert {source["xray_threshold"] for source in manifest["sources"]} == {400}


def test_the_maps_of_groschner_2021_have_the_particles_in_their_second_channel(tmp_path: Path) -> None:
    frames = [counts_with_disc(seed=seed) for seed in range(4)]
    masks = np.stack([mask for _, mask in frames])
    images = np.stack([image for image, _ in frames]) / np.float32(2000)
    write_published(tmp_path, "groschner", images, maps=np.stack([~masks, masks], axis=-1).astype(np.float32))
    run("prepare", tmp_path, "--output", tmp_path / "set", "--preset", "groschner-2021", *SMALL)
    manifest = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert manifest["pixel_size_nm"] == 0.02152
    assert manifest["settings"]["normalization"] == "min-max"
    assert [source["particle_fraction"] for source in manifest["sources"]] == pytest.approx(masks.mean(axis=(1, 2)))


def test_an_unknown_preset_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"`preset`: expected one of au-2.2nm, au-5nm.*received 'pt'"):
        run("prepare", folder, "--output", tmp_path / "set", "--preset", "pt")


def test_inspect_prints_numbers_and_writes_a_picture(folder: Path, tmp_path: Path) -> None:
    run("prepare", folder, "--output", tmp_path / "set", *SMALL)
    result = json.loads(run("data", "inspect", tmp_path / "set", "--json"))
    assert result["effect_size"] < -2
    assert result["diameter_median_nm"] == pytest.approx(result["diameter_median_px"] * 0.02, rel=0.05)
    assert (tmp_path / "set" / "inspection.png").exists()
    assert "effect size" in run("data", "inspect", tmp_path / "set", "--picture", tmp_path / "other.png")
    assert (tmp_path / "other.png").exists()
