"""What a command line meets: names that are no text or that no font shows, outputs that are pipes, empty films."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from tem_rf.cli.app import app
from tem_rf.cli.tui import prepare_terminal
from tem_rf.errors import SettingsError
from tem_rf.plots.particle_sizes import write_size_histogram
from tests.helpers.labelled_folder import write_folder

SMALL = ["--patch-size", "32", "--background-threshold", "20"]


def test_the_app_does_not_start_where_its_output_is_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tem_rf", "tui"], capture_output=True, stdin=subprocess.DEVNULL, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.decode().count("\n") == 1
    assert "the app needs a terminal" in done.stderr.decode()


def test_the_app_does_not_start_where_the_terminal_would_show_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = SimpleNamespace(isatty=lambda: True, encoding="iso8859-1")
    monkeypatch.setattr("tem_rf.cli.tui.sys", SimpleNamespace(stdin=terminal, stdout=terminal, platform="linux"))
    for variable in ("LC_ALL", "LC_CTYPE", "PYTHONIOENCODING"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(SettingsError, match=r"\(iso8859-1\); set LANG to C.UTF-8"):
        prepare_terminal()
    monkeypatch.setenv("LC_ALL", "C")
    with pytest.raises(SettingsError, match="set LC_ALL to"):
        prepare_terminal()
    terminal.encoding = "UTF8"
    prepare_terminal()


@pytest.mark.parametrize(("term", "shown"), [("dumb", "dumb"), (None, "not set")])
def test_the_app_does_not_start_in_a_terminal_that_cannot_move_the_cursor(
    term: str | None, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = SimpleNamespace(isatty=lambda: True, encoding="utf-8")
    monkeypatch.setattr("tem_rf.cli.tui.sys", SimpleNamespace(stdin=terminal, stdout=terminal, platform="linux"))
    monkeypatch.delenv("TERM", raising=False)
    if term is not None:
        monkeypatch.setenv("TERM", term)
    with pytest.raises(SettingsError, match=rf"TERM is {shown}.*set TERM to xterm-256color"):
        prepare_terminal()


def test_names_that_are_no_text_are_checked_and_prepared(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "raw", 4)
    for kind in ("images", "labels"):
        (folder / kind / "m1.tif").rename(folder / kind / os.fsdecode(b"\xb5m.tif"))
        (folder / kind / "m2.tif").rename(folder / kind / "纳米 $x_{$.tif")
    arguments = [sys.executable, "-m", "tem_rf"]
    checked = subprocess.run([*arguments, "data", "check", str(folder)], capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, b"")
    assert b"4 pairs" in checked.stdout
    output = tmp_path / "dataset"
    prepared = subprocess.run([*arguments, "prepare", str(folder), "-o", str(output), *SMALL], capture_output=True)
    assert (prepared.returncode, b"Traceback" in prepared.stderr) == (0, False)
    assert not [path.name for path in tmp_path.iterdir() if "unfinished" in path.name]
    assert "\\xb5m.tif" in (output / "patches.csv").read_text(encoding="utf-8")
    inspected = CliRunner().invoke(app, ["data", "inspect", str(output)])
    assert inspected.exit_code == 0


def test_signs_that_the_font_lacks_and_dollars_end_in_a_picture_without_a_warning(tmp_path: Path) -> None:
    write_size_histogram(tmp_path / "a.png", [], title="纳米粒子 $x_{$", pixel_size_nm=None)
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_empty_micrographs_are_background_when_the_user_says_so(tmp_path: Path) -> None:
    from tem_rf.data.prepared import open_dataset
    from tests.helpers.labelled_folder import write_pair

    folder = write_folder(tmp_path / "raw", 4)
    write_pair(
        folder, "film", np.random.default_rng(1).poisson(900, (64, 96)).astype(np.uint16), np.zeros((64, 96), bool)
    )
    arguments = [
        "prepare",
        str(folder),
        "-o",
        str(tmp_path / "d"),
        "--patch-size",
        "32",
        "--background-threshold",
        "20",
    ]
    refused = CliRunner().invoke(app, arguments)
    assert "use it as background with `empty_is_background`" in str(refused.exception)
    assert CliRunner().invoke(app, ["data", "check", str(folder), "--empty-is-background"]).exit_code == 0
    assert CliRunner().invoke(app, [*arguments, "--empty-is-background"]).exit_code == 0
    dataset = open_dataset(tmp_path / "d")
    of_film = [patch for patch in dataset.patches if patch.source == "film.tif"]
    assert len(of_film) == 6  # all of 64 x 96 px, though the threshold drops patches without particles elsewhere
    assert {patch.particle_fraction for patch in of_film} == {0}
    (film,) = [source for source in dataset.manifest.sources if source.name == "film.tif"]
    assert "label: marks no particles; read as background only" in film.notes


def test_what_the_label_is_not_sure_of_is_marked_in_the_patches(tmp_path: Path) -> None:
    from tem_rf.data.prepared import open_dataset
    from tem_rf.data.tiff import write_tiff

    folder = write_folder(tmp_path / "raw", 4)
    label = np.zeros((64, 96), np.uint8)
    label[10:50, 10:90], label[40:60, 70:90] = 1, 2
    write_tiff(folder / "labels/m0.tif", label)
    arguments = [
        "prepare",
        str(folder),
        "-o",
        str(tmp_path / "d"),
        "--patch-size",
        "32",
        "--background-threshold",
        "20",
    ]
    assert CliRunner().invoke(app, [*arguments, "--not-sure", "2"]).exit_code == 0
    dataset = open_dataset(tmp_path / "d")
    places = {(patch.y_px, patch.x_px) for patch in dataset.patches if patch.source == "m0.tif"}
    assert places == {(0, 0), (0, 32), (0, 64), (32, 0), (32, 32), (32, 64)}
    source = dataset.manifest.sources[0]
    assert "6.5% of the pixels are labelled as not sure; training and scores ignore them" in source.notes
    assert source.particle_fraction == pytest.approx((40 * 80 - 10 * 20) / (64 * 96 - 400))
    (index,) = [
        index
        for index, patch in enumerate(dataset.patches)
        if (patch.source, patch.y_px, patch.x_px) == ("m0.tif", 32, 64)
    ]
    np.testing.assert_array_equal(dataset.unsure(index), label[32:64, 64:96] == 2)
    np.testing.assert_array_equal(dataset.particles(index), label[32:64, 64:96] == 1)


def test_a_folder_of_films_alone_is_no_dataset(tmp_path: Path) -> None:
    from tests.helpers.labelled_folder import write_pair

    for name in "abc":
        film = np.random.default_rng(ord(name)).poisson(900, (64, 96)).astype(np.uint16)
        write_pair(tmp_path / "raw", name, film, np.zeros((64, 96), bool))
    refused = CliRunner().invoke(
        app,
        ["prepare", str(tmp_path / "raw"), "-o", str(tmp_path / "d"), "--patch-size", "32", "--empty-is-background"],
    )
    assert "no micrograph has particles; add some that do" in str(refused.exception)
    assert not (tmp_path / "d").exists()
