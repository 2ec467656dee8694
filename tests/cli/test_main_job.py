"""The main job by its commands: micrographs in, a measured and exported segmenter out."""

import builtins
import errno
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from tem_rf.cli.app import app
from tem_rf.cli.demo import demo_commands
from tem_rf.cli.on_use import with_all_commands
from tem_rf.runs import RunFolder
from tests.helpers.command import Command, Result, tem_rf
from tests.helpers.labelled_folder import write_folder
from tests.helpers.run_folders import new_run


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    return partial(tem_rf, capfd, monkeypatch)


def assert_one_line(result: Result, *words: str) -> None:
    assert result.code != 0
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("tem-rf: ")
    for word in words:
        assert word in last


def test_from_micrographs_to_masks(run: Command, tmp_path: Path) -> None:
    write_folder(tmp_path / "raw", 6)
    prepare = ["prepare", "raw", "--output", "set", "--patch-size", 32, "--background-threshold", 20]
    assert all(split["patches"] for split in json.loads(run(*prepare, "--json").stdout)["splits"])
    train = ["train", "set", "--network", "n2-p22", "--seed", "1,2", "--epochs", 2, "--batch-size", 16]
    trained = run(*train, "--learning-rate", 0.01, "--json")
    assert trained.code == 0
    runs = [Path(result["run"]).name for result in json.loads(trained.stdout)]
    assert runs == ["set-n2-p22-best-s1", "set-n2-p22-best-s2"]
    assert "validation" in trained.stderr

    rows = json.loads(run("evaluate", *runs, "--pictures", "scored", "--json").stdout)
    network, fourier, brightness = rows
    assert (network["network"], network["seeds"], network["parameters"]) == ("n2-p22", [1, 2], 8074)
    assert 0 < network["hard_dice"]["mean"] <= 1
    assert network["hard_dice"]["sd"] >= 0
    assert (fourier["network"], brightness["network"]) == ("Fourier filtering", "brightness threshold")
    assert Path("runs", runs[0], "scores.csv").read_text().startswith("source,y_px,x_px")
    pictures = {path.name for path in Path("scored", runs[0]).glob("*.png")}
    assert "reliability.png" in pictures
    assert len(pictures - {"reliability.png"}) == network["images"]
    assert "±" in run("evaluate", *runs, "--no-baseline").stdout

    assert run("export", runs[0]).stdout.startswith(f"saved_models/{runs[0]}: SavedModel of n2-p22, 8074 parameters")
    for model in (f"saved_models/{runs[0]}", runs[0]):
        shutil.rmtree("masks", ignore_errors=True)
        segmented = run("segment", "raw/images/m5.tif", "--model", model, "--output", "masks", "--json")
        (row,) = json.loads(segmented.stdout)
        mask = tifffile.imread(row["mask"])
        assert mask.shape == (64, 96)
        assert (mask > 0).mean() == pytest.approx(row["particle_fraction"])
        assert row["pixel_size_nm"] == pytest.approx(0.02, abs=1e-6)
        with Image.open(row["overlay"]) as picture:
            assert np.asarray(picture).std() > 0

    listed = json.loads(run("runs", "--json").stdout)
    assert [(one["state"], one["epochs_done"]) for one in listed] == [("finished", 2)] * 2
    again = run("train", "set", "--network", "n2-p22", "--seed", 1, *train[6:], "--learning-rate", 0.01)
    assert "already finished" in again.stderr


def test_the_demo_is_made_of_commands_that_exist() -> None:
    assert [command[0] for command in demo_commands(Path("demo"))] == [
        *("simulate", "simulate", "prepare", "train", "evaluate", "export", "segment")
    ]
    assert {command[0] for command in demo_commands(Path("demo"))} <= with_all_commands(app).commands.keys()


@pytest.mark.slow
def test_the_demo_beats_fourier_filtering_and_reuses_what_stands(tmp_path: Path) -> None:
    def demo() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tem_rf", "demo"], cwd=tmp_path, check=True, capture_output=True, text=True
        )

    first, second = demo().stdout, demo().stdout
    table = slice(first.index("test images"), None)
    assert first[table] == second[second.index("test images") :]
    titles, *rows = (re.split("[┃│]", line) for line in first[table].splitlines() if line.startswith(("┃", "│")))
    column = [title.strip() for title in titles].index("hard dice")
    dice = {
        name: float(next(row[column] for row in rows if name in row[1])) for name in ("n2-p44", "Fourier filtering")
    }
    assert dice["n2-p44"] > dice["Fourier filtering"]
    assert "exported model: demo/model\n" in first
    assert (tmp_path / "demo/model/saved_model.pb").exists()
    pictures = first[first.index("pictures:") :].split()[1:]
    assert any("overlay" in picture for picture in pictures)
    assert all((tmp_path / picture).exists() for picture in pictures)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train SET --network n2-p99", ["patch size 32 is not divisible by the pooling product 81", "n2-p99"]),
        ("train SET --network x4", ["'x4'"]),
        ("train SET --epochs 0", ["epochs", "received 0"]),
        ("train SET --recipe secret", ["recipe", "paper", "'secret'"]),
        ("train SET --seed one", ["--seed", "'one'"]),
        ("train SET --seed -1", ["seed", "greater than or equal to 0, received -1"]),
        ("train SET --seed 4294967296", ["seed", "less than 4294967296"]),
        ("train SET --learning-rate inf", ["--learning-rate", "finite", "received inf"]),
        ("segment SET/images.tif --model RUN --pixel-size-nm 0", ["--pixel-size-nm", "greater than 0, received 0"]),
        ("segment SET/images.tif --model RUN --pixel-size-nm nan", ["--pixel-size-nm", "received nan"]),
        ("train SET --seed 1,2 --name both", ["--name"]),
        ("train nowhere", ["nowhere", "tem-rf prepare"]),
        ("resume nowhere", ["nowhere", "no run of this name"]),
        ("evaluate nowhere", ["nowhere", "no run of this name"]),
        ("export nowhere", ["nowhere", "no run of this name"]),
        ("stop RUN", ["no process is training this run"]),
        ("segment missing.tif --model RUN", ["missing.tif"]),
        ("segment SET/patches.csv --model RUN", ["patches.csv"]),
        ("segment SET --model nowhere", ["nowhere", "no such model or run"]),
        ("export RUN --output SET", ["not empty and contains no exported model"]),
        ("evaluate RUN EMPTY", ["EMPTY", "no trained network yet"]),
        ("simulate --output taken", ["taken: is a file; give a folder"]),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(
    run: Command, arguments: str, words: list[str], tiny_dataset: Path, trained_run: RunFolder, tmp_path: Path
) -> None:
    places = {"SET": str(tiny_dataset), "RUN": str(trained_run.path)}
    if "EMPTY" in arguments:
        (tmp_path / "EMPTY").mkdir()
        shutil.copy(trained_run.config_file, tmp_path / "EMPTY")
    (tmp_path / "taken").touch()
    for name, place in places.items():
        arguments = arguments.replace(name, place)
    assert_one_line(run(*shlex.split(arguments)), *words)


def test_a_place_for_pictures_that_cannot_be_written_is_refused_before_scoring(
    run: Command, trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").touch()
    monkeypatch.delattr("tem_rf.evaluation.scoring.score_runs")
    refused = run("evaluate", trained_run.path, "--pictures", "taken/scored")
    assert_one_line(refused, "taken/scored: cannot be written to")


def test_a_missing_test_split_says_the_way_out(
    run: Command, tiny_dataset: Path, trained_run: RunFolder, tmp_path: Path
) -> None:
    content = json.loads(trained_run.config_file.read_text())
    dataset = shutil.copytree(tiny_dataset, tmp_path / "set")
    table = dataset / "patches.csv"
    table.write_text(table.read_text().replace(",test,", ",train,"))
    shutil.copytree(trained_run.path, tmp_path / "run")
    (tmp_path / "run/config.json").write_text(json.dumps({**content, "dataset": str(dataset)}))
    assert_one_line(run("evaluate", tmp_path / "run"), "has no test patches", "--split study")


def test_a_run_that_cannot_be_read_hinders_the_list_of_no_other_run(
    run: Command, trained_run: RunFolder, tmp_path: Path
) -> None:
    for name in ("bad", "good"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        shutil.copy(trained_run.config_file, tmp_path / "runs" / name)
    (tmp_path / "runs/bad/config.json").write_text("{")
    listed = run("runs", "--runs", tmp_path / "runs", "--json")
    bad, good = json.loads(listed.stdout)
    assert (listed.code, bad["state"], good["state"]) == (0, "unreadable", "new")
    assert "bad/config.json: cannot be read" in bad["detail"]


def test_runs_on_different_datasets_are_not_put_in_one_table(
    run: Command, trained_run: RunFolder, tmp_path: Path
) -> None:
    content = json.loads(trained_run.config_file.read_text())
    shutil.copytree(trained_run.path, tmp_path / "run")
    (tmp_path / "run/config.json").write_text(json.dumps({**content, "dataset_sha256": "0" * 64}))
    assert_one_line(run("evaluate", trained_run.path, tmp_path / "run"), "were trained on different datasets")


class Unreadable:
    """Makes files of one name fail, as missing permissions or a bad disk do, also for root."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
        self._open, self._name, self._number = io.open, name, number
        monkeypatch.setattr(io, "open", self)
        monkeypatch.setattr(builtins, "open", self)

    def __call__(self, file: Path, *arguments: Any, **options: Any) -> Any:
        if not isinstance(file, int) and Path(file).name == self._name:
            raise OSError(self._number, os.strerror(self._number), str(file))
        return self._open(file, *arguments, **options)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
@pytest.mark.parametrize("kind", ["images", "labels"])
def test_a_micrograph_or_label_that_cannot_be_read_is_named_and_not_the_output(
    run: Command, monkeypatch: pytest.MonkeyPatch, kind: str, number: Any
) -> None:
    write_folder(Path("raw"), 3)
    (Path("raw") / kind / "m1.tif").rename(Path("raw") / kind / "m1.tiff")
    Unreadable(monkeypatch, "m1.tiff", number)
    result = run("prepare", "raw", "--output", "set", "--patch-size", 32, "--background-threshold", 20)
    assert_one_line(result, f"raw/{kind}/m1.tiff: ", "cannot be read", os.strerror(number))
    assert not Path("set").exists()


def test_what_the_file_system_refuses_is_one_line_with_its_file(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "somewhere/file")

    monkeypatch.setattr("tem_rf.cli.data.check.check", refuse)
    assert_one_line(run("data", "check", "."), "somewhere/file: Input/output error")


def test_a_run_of_somebody_else_and_a_file_in_place_of_a_folder_are_refused(
    run: Command, monkeypatch: pytest.MonkeyPatch, trained_run: RunFolder, tiny_dataset: Path
) -> None:
    Path("taken").write_text("mine")
    for overwrite in ([], ["--overwrite"]):
        assert_one_line(run("export", trained_run.path, "--output", "taken", *overwrite), "taken: expected a folder")
    assert Path("taken").read_text() == "mine"
    new_run(tiny_dataset, Path("theirs"))
    Unreadable(monkeypatch, ".lock", errno.EACCES)
    assert_one_line(run("resume", "theirs"), "theirs/.lock: cannot be written to (Permission denied)")


def test_the_current_folder_is_no_output(run: Command) -> None:
    raw = write_folder(Path("raw"), 3).resolve()
    Path("empty").mkdir()
    os.chdir("empty")
    assert_one_line(run("prepare", raw, "--output", "."), "contains the current folder")
    assert not list(Path("..").glob(".*"))
