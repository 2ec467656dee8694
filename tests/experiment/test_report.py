"""A folder of results becomes one experiment with a report, and two are compared."""

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from PIL import Image

import tem_rf
from tem_rf.errors import ReadError
from tem_rf.experiment.folder import read_experiment
from tem_rf.trust.record import DiceMap
from tests.helpers.command import Command
from tests.helpers.command import tem_rf as command
from tests.helpers.discs import discs
from tests.helpers.segmented_folder import write_segmented


def sample(folder: Path, radius: float, names: Any = ("a.tif", "b.tif", "c.tif", "<b>d.tif")) -> Path:
    for index, name in enumerate(names):
        circles = [(20, 20 + index, radius), (20, 60, radius + index / 2), (60, 30, radius + 1), (79, 70, 6)]
        write_segmented(folder, name, discs((80, 90), *circles))
    return folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    return partial(command, capfd, monkeypatch)


def test_two_folders_are_compared_in_one_command(run: Command, tmp_path: Path) -> None:
    sample(tmp_path / "a", 8)
    sample(tmp_path / "b & c", 11)
    found = json.loads(run("particles", "a", "--compare", "b & c", "--resamples", 200, "--json").stdout)
    one, other = found["experiments"]
    assert (one["unit"], one["images"], one["particles"], one["statistics"]["n"]) == ("nm", 4, 16, 12)
    with (tmp_path / "a/report/particles.csv").open() as file:
        whole = [float(row["diameter_nm"]) for row in csv.DictReader(file) if row["touches_border"] == "False"]
    assert one["statistics"]["mean"] == pytest.approx(np.mean(whole[:12]))
    assert one["intervals"]["mean"][0] < one["statistics"]["mean"] < one["intervals"]["mean"][1]
    assert found["comparison"]["difference"] == pytest.approx(other["statistics"]["mean"] - one["statistics"]["mean"])
    assert found["comparison"]["p_value"] == pytest.approx(2 / 70)
    page = (tmp_path / found["report"]).read_text()
    assert "The mean diameters differ (p = 0.029)" in page
    assert "&lt;b&gt;d.tif" in page
    assert "<b>" not in page
    assert "n = 12" in page
    assert "http" not in page.replace("http-equiv", "")
    assert sorted(path.name for path in (tmp_path / "a/report").iterdir()) == [
        *("distribution.png", "images.csv", "images.png", "particles.csv", "particles.xlsx", "report.html")
    ]
    book = openpyxl.load_workbook(tmp_path / "a/report/particles.xlsx")
    assert book["particles"].max_row == 1 + 32
    assert ("particles that count (n)", 12, "") in {(*row[:2], row[2] or "") for row in book["summary"].values}
    shown = run("particles", "a")
    assert "± " in shown.stdout
    assert shown.stdout.rstrip().endswith("a/report/report.html")


def test_the_report_shows_where_the_model_may_be_used(run: Command, tmp_path: Path) -> None:
    maps = (DiceMap(rows="", columns="dose", row_values=(1,), column_values=(5, 50), dice=((0.2, 0.9),), images=3),)
    write_segmented(tmp_path / "a", "a.tif", discs((80, 90), (40, 40, 9)), maps=maps)
    page = (tmp_path / json.loads(run("particles", "a", "--json").stdout)["report"]).read_text()
    assert "Where the model may be used" in page
    with Image.open(tmp_path / "a/report/robustness.png") as picture:
        red, _, blue = np.moveaxis(np.asarray(picture.convert("RGB"), int), -1, 0)
    assert (red > blue + 50).any()
    assert (blue > red + 50).any()


def test_bad_folders_are_one_line(run: Command, tmp_path: Path) -> None:
    (tmp_path / "a_particles.csv").write_text("")
    for arguments, words in (
        (["nowhere"], "nowhere: no such folder; expected a folder with results, the --output of segment"),
        (["a_particles.csv"], "a_particles.csv: is a file; expected a folder with results, the --output of segment"),
        (["."], "contains no results of segment"),
    ):
        result = run("particles", *arguments)
        assert (result.code, result.stdout, len(result.stderr.strip().splitlines())) == (1, "", 1)
        assert words in result.stderr
    (tmp_path / "x_segmented.json").write_text("{")
    assert "x_segmented.json: is not a result of segment" in run("particles", ".").stderr
    sample(tmp_path / "nm", 8, ("a.tif",))
    write_segmented(tmp_path / "px", "a.tif", discs((80, 90), (40, 40, 9)), pixel_size_nm=None)
    assert "px: its images have no pixel size, but those of nm have" in run("particles", "nm", "--compare", "px").stderr
    write_segmented(tmp_path / "nm", "b.tif", discs((80, 90), (40, 40, 9)), pixel_size_nm=None)
    assert "nm: b.tif has no pixel size, but others have" in run("particles", "nm").stderr
    assert not (tmp_path / "nm/report").exists()


def test_a_movie_counts_once_and_a_stack_of_places_frame_by_frame(tmp_path: Path) -> None:
    masks = [discs((60, 60), (30, 30, radius)) for radius in (8, 9, 10)]
    write_segmented(tmp_path / "s", "m.tif", *masks, pixel_size_nm=None)
    once = read_experiment(tmp_path / "s", "exclude")
    assert [image.name for image in once.images] == ["m.tif #1"]
    assert "only the first frame was used" in once.notes[0]
    each = read_experiment(tmp_path / "s", "exclude", every_frame=True)
    assert [image.name for image in each.images] == ["m.tif #1", "m.tif #2", "m.tif #3"]
    assert (each.unit, each.notes, each.images[0].area) == ("px", (), 3600)


def test_images_without_particles_and_a_damaged_table(tmp_path: Path) -> None:
    write_segmented(tmp_path / "e", "a.tif", np.zeros((40, 40), bool))
    outcome = tem_rf.summarize_particles(tmp_path / "e", edges="correct")
    assert outcome.summaries[0].statistics is None
    assert "n = 0 particles" in outcome.page.read_text()
    (tmp_path / "e/a_instances.tif").write_bytes(b"II*")
    with pytest.raises(ReadError, match=r"a_instances\.tif: .* segment the file again"):
        tem_rf.summarize_particles(tmp_path / "e")
    (tmp_path / "e/a_instances.tif").unlink()
    with pytest.raises(ReadError, match=r"a_instances\.tif: is missing"):
        tem_rf.summarize_particles(tmp_path / "e")
