"""What commands print, in narrow terminals and in pipes."""

import json
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tem_rf.cli.output import print_json_line, print_table, show_status
from tem_rf.data.tiff import write_tiff
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.runs.events import StatusEvent
from tem_rf.runs.folder import RunFolder
from tem_rf.saved_models import SHIPPED_MODELS
from tests.helpers.command import Command, tem_rf
from tests.helpers.labelled_folder import counts_with_disc


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    return partial(tem_rf, capfd, monkeypatch)


@pytest.fixture(params=[80, 60, 40])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Width of a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # Rich then takes the pipe for a terminal
    monkeypatch.setenv("COLUMNS", str(request.param))
    return request.param


def plain(printed: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", printed)


def assert_shown(printed: str, columns: int, *words: str) -> None:
    """Every word is there in one piece, and every line of a bordered table has its right border."""
    lines = plain(printed).splitlines()
    assert max(map(len, lines)) <= columns
    assert not [line for line in lines if line.startswith(("┃", "│")) and line[-1] not in "┃│"]
    assert not set(words) - set(" ".join(lines).split())


def test_runs_are_listed_whole_in_a_narrow_terminal(
    run: Command, trained_run: RunFolder, columns: int, tmp_path: Path
) -> None:
    shutil.copytree(trained_run.path, tmp_path / "runs/au-5nm-n2-p44-paper-s752")
    listed = run("runs").stdout
    names = "run state epochs best validation hard dice patches/s"
    assert_shown(listed, columns, *names.split(), "finished", "3/3")
    if columns == 80:
        assert_shown(listed, columns, "au-5nm-n2-p44-paper-s752", "left")


def test_scores_of_particles_are_shown_whole_in_a_narrow_terminal(
    run: Command, trained_run: RunFolder, columns: int, tmp_path: Path
) -> None:
    image, mask = counts_with_disc((64, 64))
    write_tiff(tmp_path / "images/m.tif", image, pixel_size_nm=0.02)
    write_tiff(tmp_path / "labels/m.tif", mask)
    shown = run("segment", "images", "--model", trained_run.path, "--labels", "labels").stdout
    names = (
        "image particle particles too small diameter polydispersity dice found merged false negatives positives bias"
    )
    assert_shown(shown, columns, *names.split(), "images/m.tif", "below", "nm", "of")


def test_the_dice_table_is_shown_whole_in_a_narrow_terminal(run: Command, trained_run: RunFolder, columns: int) -> None:
    shown = run("evaluate", trained_run.path).stdout
    names = "network parameters field [px] [nm] seeds hard soft dice boundary F1 HD95"
    assert_shown(shown, columns, *names.split(), "n2-p22", "8,074", "44", "0.88", "Fourier", "filtering")


@pytest.mark.parametrize("columns", [80], indirect=True)
def test_a_table_that_fits_between_its_lines_keeps_them_and_a_wider_one_loses_them(
    capfd: pytest.CaptureFixture[str], columns: int
) -> None:
    print_table("[x] fits", ["name", "a number of things"], [["a-name-of-24-characters-", "several words" * 4]])
    lined = plain(capfd.readouterr().out)
    assert "[x] fits" in lined
    assert_shown(lined, columns, "a-name-of-24-characters-", "several", "words")
    assert "┃" in lined
    print_table("", ["name"] * 7, [["nine-wide"] * 7])
    bare = plain(capfd.readouterr().out)
    assert bare.splitlines()[1].split() == ["nine-wide"] * 7


def test_a_pipe_gets_whole_lines(capfd: pytest.CaptureFixture[str]) -> None:
    print_table(
        "a title that is wider than what stands below it", ["path", "words"], [["a/" * 150, "many words " * 8 + "more"]]
    )
    title, *_, row, _ = capfd.readouterr().out.splitlines()
    assert title == "a title that is wider than what stands below it"
    assert row.split("│")[1:-1] == [f" {'a/' * 150} ", f" {'many words ' * 8}more "]


def test_names_in_brackets_stay_and_paths_in_commands_are_quoted(
    run: Command, trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"my runs/{'a-long-folder/' * 6}r [gold]"
    folder = RunFolder(shutil.copytree(trained_run.path, tmp_path / path))
    monkeypatch.setattr(TrainingQueue, "add", lambda queue, runs, evaluate: None)
    (folder.path / "events.jsonl").unlink()
    started = run("resume", path, "--detach").stderr
    assert started == f"{path}: starting; see `tem-rf watch '{path}'`\n"
    folder.event_log().write(StatusEvent(state="failed", detail="the disk [/data] is full"))
    *_, what, how = run("watch", path).stderr.splitlines()
    assert what == f"{path}: failed: the disk [/data] is full"
    assert how == f"Resume with: tem-rf resume '{path}'"
    folder.model_file.unlink()
    assert f"continue with `tem-rf resume '{path}'`" in run("segment", "m.tif", "--model", path).stderr
    assert run("rf", "n2-p44", "--picture", "a [b].png").stderr == "wrote a [b].png\n"


def test_what_is_being_done_is_shown_as_it_is(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with show_status("loading") as on_step:
        on_step("segmenting [gold] and [/silver]")
    assert "segmenting [gold] and [/silver]" in plain(capfd.readouterr().err)


def test_a_note_of_segment_is_one_line_in_a_file(run: Command, trained_run: RunFolder, tmp_path: Path) -> None:
    name = f"{'long ' * 20}[gold]"
    write_tiff(tmp_path / f"{name}.tif", counts_with_disc((64, 64))[0], pixel_size_nm=0.05)
    notes = run("segment", f"{name}.tif", "--model", trained_run.path).stderr
    assert (
        f"{name}: has 0.05 nm/px, but trained was trained at 0.02 nm/px; expect poor masks, or add --rescale\n" in notes
    )


def test_results_go_to_stdout_while_a_status_is_shown(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # as for the jobs of the app; the status then takes what is printed
    with show_status("segmenting"):
        print_json_line({"image": "a.tif"})
    captured = capfd.readouterr()
    assert json.loads(captured.out) == {"image": "a.tif"}
    assert "segmenting" in captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("calibrate au-hrtem missing", "missing: no such folder"),
        ("trust au-hrtem --labelled missing --models MODELS", "missing: no such folder"),
        ("trust au-hrtem --simulate none --models MODELS", "--simulate: expected one of"),
        ("import missing.pt --output taken", "taken: is not empty and contains no exported model"),
    ],
)
def test_bad_input_is_one_line_before_tensorflow_is_loaded(arguments: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/notes.txt").touch()
    (tmp_path / "models").mkdir()
    shutil.copytree(SHIPPED_MODELS / "au-hrtem", tmp_path / "models/au-hrtem")
    words = ["tem-rf", *arguments.replace("MODELS", "models").split()]
    script = f"""import sys
sys.argv = {words}
from tem_rf.cli import main
try:
    main()
finally:
    print("tensorflow" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert ended.stdout == "False\n"
    assert len(ended.stderr.splitlines()) == 1
    assert said in ended.stderr
