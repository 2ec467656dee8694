"""`tem-rf segment` and `tem-rf import` as a user calls them."""

import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tem_rf import Architecture
from tem_rf.data.labels import read_label_frames
from tem_rf.data.pairing import pair_labels
from tem_rf.data.pixels import resample_mask
from tem_rf.data.tiff import write_tiff
from tem_rf.inference.follow import follow_folders
from tem_rf.particles.formats.choice import FORMATS
from tem_rf.runs import RunFolder
from tests.helpers.command import Command, Result, tem_rf
from tests.helpers.labelled_folder import counts_with_disc
from tests.helpers.published_file import named_weights, positive_variances, unet, write_pytorch_file


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    return partial(tem_rf, capfd, monkeypatch)


def assert_one_line(result: Result, *words: str) -> None:
    assert (result.code != 0, result.stdout) == (True, "")
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("tem-rf: ")
    assert all(word in last for word in words), last


def test_stacks_ensembles_and_labels_in_one_command(run: Command, trained_run: RunFolder, tmp_path: Path) -> None:
    pairs = [counts_with_disc((70, 80), seed=seed, radius=14) for seed in range(3)]
    write_tiff(tmp_path / "images" / "m.tif", np.stack([image for image, _ in pairs]), pixel_size_nm=0.02)
    write_tiff(tmp_path / "labels" / "m.tif", np.stack([mask for _, mask in pairs]))
    command = ["segment", "images", "--model", trained_run.path, "--model", trained_run.path, "--test-time", 8]
    result = run(*command, "--labels", "labels", "--split-touching", "--probability", "--json")
    (row,) = json.loads(result.stdout)
    assert (row["frames"], row["scores"]["labelled"]) == (3, 3)
    assert row["scores"]["hard_dice"] > 0.6
    assert row["sizes"]["mean_nm"] == pytest.approx(row["sizes"]["mean_px"] * 0.02, rel=1e-4)
    assert tifffile.imread(row["mask"]).shape == tifffile.imread(row["disagreement"]).shape == (3, 70, 80)
    table = run(*command, "--labels", "labels")
    assert "found" in table.stdout
    assert "nm" in table.stdout


def test_a_published_network_is_imported_and_used(run: Command, tmp_path: Path) -> None:
    architecture = Architecture((2, 2))
    write_pytorch_file(tmp_path / "UNet_b2.h5", unet(architecture, positive_variances(named_weights(architecture))))
    imported = run("import", "UNet_b2.h5")
    assert imported.stdout.startswith("saved_models/UNet_b2: SavedModel of n2-p22, 8074 parameters")
    write_tiff(tmp_path / "m.tif", counts_with_disc((60, 50))[0])
    (row,) = json.loads(run("segment", "m.tif", "--model", "saved_models/UNet_b2", "--json").stdout)
    assert tifffile.imread(row["mask"]).shape == (60, 50)
    assert_one_line(run("import", "m.tif"), "m.tif: is not a PyTorch file")


def test_bad_input_is_one_line(run: Command, trained_run: RunFolder, tmp_path: Path) -> None:
    image, _ = counts_with_disc((64, 64))
    for folder in ("a", "b"):
        write_tiff(tmp_path / folder / "m.tif", image)
    model = ("--model", trained_run.path)
    assert_one_line(run("segment", "a/m.tif", "b/m.tif", *model), "b/m.tif: has the same name as a/m.tif")
    for name in ("n", "o"):
        for ending in ("dm3", "dm4"):
            (tmp_path / f"{name}.{ending}").write_bytes(b"")
    files = ("n.dm3", "n.dm4", "o.dm3", "o.dm4")
    words = "n.dm4: has the same name as n.dm3, so their results would overwrite each other (1 more like this)"
    words += "; rename one of them, or give files of one kind, such as *.dm4"
    assert_one_line(run("segment", *files, *model), words)
    assert_one_line(run("segment", "a", *model, "--labels", "b/none"), "b/none: no such folder")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/saved_model.pb").write_bytes(b"")
    assert_one_line(run("segment", "a", "--model", "foreign"), "foreign: a SavedModel of another program")
    (tmp_path / "foreign/model.json").write_text('{"schema_version": 99}')
    assert_one_line(run("segment", "a", "--model", "foreign"), "schema version 99")


@pytest.mark.parametrize("workers", [(), ("--workers", 1)])
def test_a_file_that_cannot_be_read_keeps_no_other_from_being_segmented(
    workers: Any, run: Command, trained_run: RunFolder, tmp_path: Path
) -> None:
    for name in ("a", "c"):
        write_tiff(tmp_path / "images" / f"{name}.tif", counts_with_disc((64, 64))[0])
    (tmp_path / "images" / "b.tif").write_bytes((tmp_path / "images" / "a.tif").read_bytes()[:5000])
    result = run("segment", "images", "--model", trained_run.path, "--json", *workers)
    assert result.code == 1
    assert [row["image"].rpartition("/")[2] for row in json.loads(result.stdout)] == ["a.tif", "c.tif"]
    lines = result.stderr.strip().splitlines()
    assert any("b.tif" in line and "truncated" in line for line in lines[:-1])
    assert lines[-1].startswith("tem-rf: 1 of 3 files could not be segmented: ")


def test_a_full_disk_ends_it_at_the_first_file(run: Command, trained_run: RunFolder, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tiff(tmp_path / "images" / f"{name}.tif", counts_with_disc((64, 64))[0])
    (tmp_path / "out").touch()
    result = run("segment", "images", "--model", trained_run.path, "--output", "out")
    assert_one_line(result, "out")
    assert "files could not be segmented" not in result.stderr


def test_models_that_ship_go_by_their_name(run: Command, tmp_path: Path) -> None:
    write_tiff(tmp_path / "m.tif", counts_with_disc((64, 64))[0], pixel_size_nm=0.12)
    assert "Segmented with bright-field" in run("segment", "m.tif", "--model", "bright-field").stdout
    assert_one_line(run("segment", "m.tif", "--model", "dark-field"), "au-hrtem, bright-field or hrtem")


def test_without_a_model_the_one_of_the_nearest_pixel_size_is_taken(
    run: Command, trained_run: RunFolder, tmp_path: Path
) -> None:
    image, _ = counts_with_disc((64, 64), seed=1, radius=14)
    assert run("export", trained_run.path, "--output", "saved_models/fine").code == 0
    content = json.loads((tmp_path / "saved_models/fine/model.json").read_text())
    for name, size in (("coarse", 0.2), ("unknown", None)):
        (tmp_path / "saved_models" / name).mkdir()
        (tmp_path / "saved_models" / name / "model.json").write_text(json.dumps(content | {"pixel_size_nm": size}))
    write_tiff(tmp_path / "m.tif", image, pixel_size_nm=0.021)
    result = run("segment", "m.tif", "--json")
    assert "m.tif: using model saved_models/fine (trained at 0.02 nm/px)" in result.stderr
    assert json.loads(result.stdout)[0]["frames"] == 1
    far = run("segment", "m.tif", "--pixel-size-nm", 0.06)
    assert_one_line(far, "m.tif: has 0.06 nm/px", "coarse at 0.2, fine at 0.02 nm/px", "--rescale")
    write_tiff(tmp_path / "bare.tif", image)
    assert_one_line(run("segment", "bare.tif"), "bare.tif: has no pixel size", "--pixel-size-nm")
    assert_one_line(run("segment", "m.tif", "--models", "none"), "none: contains no model with a pixel size")


def test_a_movie_is_tracked_and_what_is_missing_is_said_first(
    run: Command, trained_run: RunFolder, tmp_path: Path
) -> None:
    frames = [counts_with_disc((70, 80), seed=4, radius=14)[0]] * 3
    write_tiff(tmp_path / "m.tif", np.stack(frames), pixel_size_nm=0.02)
    command = ["segment", "m.tif", "--model", trained_run.path, "--track", "--min-diameter-px", 8]
    assert_one_line(run(*command), "--track: expected exactly one of --max-step-nm and --max-step-px")
    (row,) = json.loads(run(*command, "--max-step-nm", 0.1, "--json").stdout)
    assert row["trajectories"] == {
        "count": row["sizes"]["count"] / 3,
        "starts": {"first frame": row["sizes"]["count"] / 3},
        "ends": {"last frame": row["sizes"]["count"] / 3},
        "frame_interval_s": None,
        "drift": None,
        "diffusion": None,
        "growth": None,
    }
    assert (tmp_path / row["tracks"]).exists()
    assert run(*command, "--max-step-px", 5).code == 0


def test_particles_are_written_for_other_programs(run: Command, trained_run: RunFolder, tmp_path: Path) -> None:
    frames = [counts_with_disc((70, 80), seed=seed, radius=14)[0] for seed in (4, 5)]
    write_tiff(tmp_path / "m.tif", frames[0], pixel_size_nm=0.02)
    write_tiff(tmp_path / "stack.tif", np.stack(frames), pixel_size_nm=0.02)
    command = ["segment", "m.tif", "--model", trained_run.path, "--min-diameter-px", 8]
    assert run(*command, "--json").code == 0
    done = (tmp_path / "segmented/m_segmented.json").stat().st_mtime_ns
    names = ",".join(FORMATS)
    (row,) = json.loads(run(*command, "--write", names, "--json").stdout)
    assert (tmp_path / "segmented/m_segmented.json").stat().st_mtime_ns == done, "the network did not run again"
    assert all((tmp_path / row[name]).exists() for name in FORMATS)
    instances = tifffile.imread(row["instances"])
    for name in ("rois", "geojson", "coco", "labelme"):
        (label,) = read_label_frames(tmp_path / row[name], instances.shape, image=tmp_path / "m.tif")
        np.testing.assert_array_equal(label.instances, instances)
    pairing = pair_labels(tmp_path, tmp_path / "segmented")
    assert [(pair.image.name, pair.label.name) for pair in pairing.pairs] == [("m.tif", "m_instances.tif")]
    corrected = (tmp_path / "segmented/m_instances.tif").stat().st_mtime + 10
    os.utime(tmp_path / "segmented/m_mask.tif", (corrected, corrected))
    assert pair_labels(tmp_path, tmp_path / "segmented").pairs[0].label.name == "m_mask.tif"
    (row,) = json.loads(run("segment", "stack.tif", *command[2:], "--write", "rois,excel", "--json").stdout)
    assert len(list(read_label_frames(tmp_path / row["rois"], (70, 80), frames=2))) == 2
    assert_one_line(run(*command, "--write", "svg"), "--write: expected formats among", "'svg'")
    assert_one_line(
        run("segment", "stack.tif", *command[2:], "--write", "labelme"), "stack.tif: has 2 frames", "labelme"
    )


def test_outlines_for_other_programs_fit_a_micrograph_that_was_rescaled(
    run: Command, trained_run: RunFolder, tmp_path: Path
) -> None:
    write_tiff(tmp_path / "m.tif", counts_with_disc((70, 80), seed=4, radius=14)[0], pixel_size_nm=0.04)
    command = ["segment", "m.tif", "--model", trained_run.path, "--rescale", "--write", "rois,geojson,coco,labelme"]
    (row,) = json.loads(run(*command, "--json").stdout)
    instances = tifffile.imread(row["instances"])
    assert instances.shape == (140, 160)
    assert instances.any()
    for name in ("rois", "geojson", "coco", "labelme"):
        (label,) = read_label_frames(tmp_path / row[name], (70, 80), image=tmp_path / "m.tif")
        np.testing.assert_array_equal(label.instances, resample_mask(instances, (70, 80)))


def test_what_cannot_be_tracked_is_said_before_anything_is_segmented(
    run: Command, trained_run: RunFolder, tmp_path: Path
) -> None:
    frame = counts_with_disc((70, 80), seed=4, radius=14)[0]
    write_tiff(tmp_path / "a_movie.tif", np.stack([frame, frame]))
    write_tiff(tmp_path / "an_image.tif", frame)
    command = ["segment", "a_movie.tif", "an_image.tif", "--model", trained_run.path, "--output", "out"]
    assert_one_line(run(*command, "--track", "--max-step-px", 5), "an_image.tif: --track needs a movie")
    assert_one_line(run(*command, "--track", "--max-step-nm", 1), "pixel size")
    assert_one_line(run(*command, "--max-step-nm", 1), "--max-step-nm: is only used for tracking; add --track")
    assert not (tmp_path / "out").exists()


def test_a_folder_is_followed_until_ctrl_c(
    run: Command, trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiff(tmp_path / "in/m.tif", counts_with_disc((64, 64), radius=14)[0], pixel_size_nm=0.02)

    def until_written(seconds: float) -> None:
        if (tmp_path / "segmented/m_segmented.json").exists():
            raise KeyboardInterrupt
        time.sleep(seconds)

    monkeypatch.setattr("tem_rf.inference.follow.follow_folders", partial(follow_folders, sleep=until_written))
    result = run("segment", "in", "--follow", "--settle-s", 0.1, "--model", trained_run.path, "--json")
    assert result.code == 0
    assert [json.loads(line)["image"] for line in result.stdout.splitlines()] == ["in/m.tif"]
    assert result.stderr.strip().endswith("1 file segmented, 0 failed; run the same command again to resume")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--follow", "--track"), "--track: cannot be combined with --follow"),
        (("--follow", "--labels", "in"), "--labels: cannot be combined with --follow"),
        (("--follow", "--overwrite"), "--overwrite: cannot be combined with --follow"),
        (("--follow", "--workers", 2), "--workers: cannot be combined with --follow"),
        (("--follow", "--output", "in"), "--output: in is followed"),
        (("--settle-s", 3), "--settle-s: is only used to follow folders; add --follow"),
        (("--follow", "--settle-s", 0), "--settle-s"),
        (("--follow", "none"), "none: no such folder"),
        (("--follow", "m.tif"), "m.tif: is a file; --follow needs the folder"),
    ],
)
def test_what_cannot_be_followed_is_one_line(options: Any, words: str, run: Command, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_tiff(tmp_path / "m.tif", counts_with_disc((64, 64))[0])
    assert_one_line(run("segment", "in", *options), words)
