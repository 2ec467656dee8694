"""The Results screen: tables of trials and runs."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tem_rf import Architecture
from tem_rf.baselines.fourier import Band
from tem_rf.errors import ReadError
from tem_rf.metrics.scores import read_scores
from tem_rf.runs import RunFolder
from tem_rf.runs.view import RunTracker
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.errors_preview import labelled_files, preview_fourier_errors, preview_network_errors
from tem_rf_tui.painting import Picture, fit, paint
from tem_rf_tui.results import COLUMNS, cells_of, read_results
from tem_rf_tui.screens.image_errors import ImageErrorsScreen
from tem_rf_tui.screens.image_scores import ImageScoresScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.widgets.micrograph_view import MicrographView
from tem_rf_tui.widgets.row_table import RowTable
from tests.helpers.app import NARROW, WIDE, assert_snapshot, drive, give_scores, make_run, screen_text, told, until
from tests.helpers.workspaces import evaluated_run


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that would have been started."""
    lines = []
    monkeypatch.setattr(
        "tem_rf_tui.jobs.JobBoard.start", lambda self, title, arguments, ending="done": lines.append(list(arguments))
    )
    return lines


@pytest.fixture
def with_runs(folder: Path) -> Path:
    """Two seeds of one network, evaluated, and another network that is not."""
    give_scores(make_run(folder / "runs", "n2-p24-s752"), 0.9, 0.8)
    give_scores(make_run(folder / "runs", "n2-p24-s140", seed=140, epochs=4), 0.7, 0.8)
    make_run(folder / "runs", "n2-p88-s752", architecture=Architecture((8, 8)), epochs=2)
    return folder


def _rows(app: TemRfApp) -> list[list[Any]]:
    return [list(row) for table in app.query("ResultsScreen RowTable").results(RowTable) for row in table.rows]


async def _open(app: TemRfApp, pilot: Pilot[None]) -> None:
    await pilot.press("5")
    await until(pilot, lambda: len(_rows(app)) == 2)


def test_a_trial_is_mean_and_sd_over_its_seeds(with_runs: Path) -> None:
    rows = read_results({"": RunTracker(with_runs / "runs").poll()}, is_grouped=True)
    cells = {row.method: cells_of(row) for row in rows}
    assert cells["n2-p24"][2] == "2 seeds"
    assert cells["n2-p24"][4] == "0.800 ± 0.071"  # means 0.85 and 0.75
    assert cells["n2-p88"][4] == "–"


def test_runs_of_studies_stand_beside_the_others_by_themselves(with_runs: Path) -> None:
    study = with_runs / "studies" / "depths"
    give_scores(make_run(study / "runs", "n2-p24-s752"), 0.6)
    (study / "study.toml").touch()

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("5")
        await until(pilot, lambda: len(_rows(app)) == 3)
        await pilot.press("slash", *"depths")
        await until(pilot, lambda: [row[4] for row in _rows(app)] == ["0.600"])
        shutil.rmtree(study)
        await until(pilot, lambda: not _rows(app))

    drive(with_runs, script)


def test_rows_are_grouped_sorted_and_filtered(with_runs: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        assert [row[1] for row in _rows(app)] == ["n2-p24", "n2-p88"]  # best validation first
        await pilot.press("O")
        assert [row[1] for row in _rows(app)] == ["n2-p88", "n2-p24"]
        await pilot.press("g")
        await until(pilot, lambda: len(_rows(app)) == 3)
        await pilot.press("slash", *"P24 140")
        await until(pilot, lambda: [row[2] for row in _rows(app)] == ["140"])
        await pilot.press(*"zz")
        await until(pilot, lambda: "No row contains all these words" in screen_text(app))

    drive(with_runs, script)


def test_the_next_column_sorts(with_runs: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("o")
        assert "hard dice ▼" in app.query_one("ResultsScreen RowTable", RowTable).titles

    drive(with_runs, script)


@pytest.mark.parametrize(
    ("key", "start"), [("y", "| dataset | network |"), ("Y", "trial,dataset,network,"), ("L", "\\begin")]
)
def test_the_table_is_copied(with_runs: Path, key: str, start: str) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press(key)
        assert app.clipboard.startswith(start)
        assert "0.8" in app.clipboard

    drive(with_runs, script)


def test_the_table_is_written(with_runs: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("w")

    drive(with_runs, script)
    lines = (with_runs / "results.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("au-5nm-n2-p24,au-5nm,n2-p24,2 seeds")


def test_images_stand_worst_first(with_runs: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ImageScoresScreen))
        table = app.screen.query_one("#images", RowTable)
        assert [row[3] for row in table.rows] == ["0.700", "0.800", "0.800", "0.900"]
        await pilot.press("slash", *"140")
        await until(pilot, lambda: [row[3] for row in table.rows] == ["0.700", "0.800"])
        await pilot.press("escape")
        await until(pilot, lambda: len(table.rows) == 4 and table.has_focus)
        await pilot.press("escape", "down", "enter")
        await until(pilot, lambda: "Not evaluated yet" in told(app))

    drive(with_runs, script)


def test_evaluate_and_export_take_all_seeds(with_runs: Path, commands: list[list[str]]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("e", "x")
        await until(pilot, lambda: isinstance(app.screen, CommandForm))
        app.screen.query_one("#field-formats", Input).value = "saved-model,onnx"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(commands) == 2)

    drive(with_runs, script)
    evaluate, export = commands
    runs = with_runs / "runs"
    assert (evaluate[0], evaluate[3:]) == ("evaluate", ["--json"])
    assert set(evaluate[1:3]) == set(export[1:3]) == {str(runs / "n2-p24-s752"), str(runs / "n2-p24-s140")}
    assert (export[0], export[3:]) == ("export", ["--format", "saved-model,onnx", "--json"])


def test_an_empty_folder_says_how_to_begin(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("5")
        await until(pilot, lambda: "No run has finished an epoch yet" in screen_text(app))
        await pilot.press("e", "x", "y", "enter")
        await until(pilot, lambda: "No results yet" in told(app))

    drive(folder, script)


def test_a_narrow_terminal_tells_the_rest_of_a_row_below_the_table(with_runs: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        table = app.query_one("ResultsScreen RowTable", RowTable)
        assert table.max_scroll_x == 0
        assert "HD95 [px]" not in table.titles
        details = str(app.query_one("#result-details").render())
        empty = {"study", "calibration_error"}  # a column without values has no place in the details
        titles = [column.title for column in COLUMNS if column.key not in {"validation_hard_dice", *empty}]
        assert all(title in table.titles or title in details for title in titles)
        await pilot.press("o", "o", "o", "o")  # the column that sorts is always there
        assert "HD95 [px] ▼" in table.titles
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ImageScoresScreen))
        await pilot.pause()
        assert app.screen.query_one(RowTable).max_scroll_x == 0

    drive(with_runs, script)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_it_looks_as_it_did(with_runs: Path, size: tuple[int, int]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await assert_snapshot(pilot, f"results-{size[0]}x{size[1]}")

    drive(with_runs, script, size=size)


def _errors_text(app: TemRfApp, name: str) -> str:
    return " ".join(str(app.screen.query_one(f"#{name}-text", Static).render()).split())


def _is_read(app: TemRfApp) -> bool:
    return isinstance(app.screen, ImageErrorsScreen) and _errors_text(app, "network") not in ("", "Computing …")


async def _open_worst(app: TemRfApp, pilot: Pilot[None]) -> None:
    await pilot.press("5")
    await until(pilot, lambda: len(_rows(app)) == 1)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, ImageScoresScreen))
    await pilot.press("enter")
    await until(pilot, lambda: _is_read(app))


def test_an_image_opens_with_its_false_negatives_and_false_positives(folder: Path, tiny_dataset: Path) -> None:
    run = evaluated_run(folder, tiny_dataset)
    image = sorted(read_scores(run.scores_file), key=lambda each: each.hard_dice)[0]

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open_worst(app, pilot)
        text = _errors_text(app, "network")
        assert f"dice {image.hard_dice:.3f}" in text
        assert "false positive 0.0%" in text
        await until(pilot, lambda: "Bragg peaks" in _errors_text(app, "fourier"))  # discs have no lattice
        first = str(app.screen.query_one("#errors-image", Static).render())
        await pilot.press("pagedown")
        await until(pilot, lambda: str(app.screen.query_one("#errors-image", Static).render()) != first)
        await pilot.press("p")
        await until(pilot, lambda: str(app.screen.query_one("#errors-image", Static).render()) == first)
        await pilot.press("plus", "left")
        assert {view.zoom for view in app.screen.query(MicrographView)} == {2.0}
        await pilot.press("escape", "escape")
        assert not isinstance(app.screen, ImageScoresScreen)

    drive(folder, script)


def test_a_test_image_leads_to_the_files_it_was_cut_from(folder: Path, tiny_dataset: Path) -> None:
    run = evaluated_run(folder, tiny_dataset)
    image = read_scores(run.scores_file)[0]
    micrograph, label = labelled_files(run, image)
    assert micrograph.name == image.source
    assert label.stem.startswith(micrograph.stem)
    moved = shutil.copytree(tiny_dataset, folder / "moved")
    manifest = moved / "dataset.json"
    manifest.write_text(manifest.read_text().replace(str(micrograph.parent), "/nowhere"))
    run = evaluated_run(folder / "other", moved)
    with pytest.raises(ReadError, match=r"no such file; it was there when moved was prepared"):
        labelled_files(run, image)


def test_both_methods_are_painted(folder: Path, tiny_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = evaluated_run(folder, shutil.copytree(tiny_dataset, folder / "datasets" / "discs"))
    monkeypatch.setattr("tem_rf.baselines.bragg.find_band", lambda images: Band(4, 8))
    image = read_scores(run.scores_file)[0]
    network, fourier = preview_network_errors(run, image).picture, preview_fourier_errors(run, image).picture
    assert np.array_equal(network.label, fourier.label)
    assert not np.array_equal(network.mask, fourier.mask)


@pytest.mark.parametrize("gone", ["masks", "dataset"])
def test_an_image_without_its_files_is_said_in_words(folder: Path, tiny_dataset: Path, gone: str) -> None:
    copied = folder / "datasets" / "discs"
    shutil.copytree(tiny_dataset, copied)
    run = evaluated_run(folder, copied)
    run.masks_file.unlink() if gone == "masks" else shutil.rmtree(copied)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open_worst(app, pilot)
        assert {"masks": "evaluate it again", "dataset": "is not a dataset"}[gone] in _errors_text(app, "network")
        await pilot.press("n", "plus", "0", "escape")

    drive(folder, script)


def test_false_negatives_are_solid_and_false_positives_dotted() -> None:
    mask, label = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    label[:4], mask[4:] = True, True
    colours = paint(np.zeros((8, 8)), Picture(np.zeros((8, 8)), mask, label=label), fit((8, 8), (8, 8), 1, (0.5, 0.5)))
    painted = (colours > 0).max(axis=-1)
    assert painted[:4].all()
    assert painted[4:].sum() == 16
    assert (colours[0, 0] != colours[4, 0]).any()


def test_a_tab_opened_again_reads_again_and_draws_only_what_has_changed(
    with_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    show_rows = RowTable.show_rows

    def count(table: RowTable, rows: Any, titles: Any = None) -> None:
        if table.id == "results":
            drawn.append(len(rows))
        show_rows(table, rows, titles)

    reads: list[int] = []

    def read(runs: Any, *, is_grouped: bool) -> Any:
        rows = read_results(runs, is_grouped=is_grouped)
        reads.append(len(rows))
        return rows

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.pause(0.5)
        monkeypatch.setattr(RowTable, "show_rows", count)
        monkeypatch.setattr("tem_rf_tui.screens.results.read_results", read)
        await pilot.press("3", "5")
        await until(pilot, lambda: bool(reads))
        await pilot.pause(0.2)
        assert not drawn
        give_scores(_not_evaluated(with_runs), 0.6)
        await pilot.press("3", "5")
        await until(pilot, lambda: any("0.600" in str(row) for row in _rows(app)))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ImageScoresScreen))

    drive(with_runs, script, size=WIDE)


def _not_evaluated(folder: Path) -> RunFolder:
    """The run that is not evaluated yet."""
    return RunFolder(folder / "runs" / "n2-p88-s752")
