"""The Segment screen: models, the form, masks."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input, OptionList, Static

from tem_rf.data.tiff import write_tiff
from tem_rf.saved_models import SHIPPED_MODELS
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.jobs import Job, JobBoard
from tem_rf_tui.model_facts import model_facts
from tem_rf_tui.previews import preview_mask
from tem_rf_tui.screens.edit_label import EditLabelScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.screens.segment import trust_cell
from tem_rf_tui.screens.segmented import SegmentedScreen
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.micrograph_view import MicrographView
from tem_rf_tui.widgets.row_table import RowTable
from tests.helpers.app import NARROW, WIDE, assert_snapshot, drive, make_run, screen_text, told, until
from tests.helpers.workspaces import segmented_micrograph, segmented_movie

_CARD = {
    "architecture": {"name": "n2-p44"},
    "dataset": "/data/au-5nm",
    "pixel_size_nm": 0.02,
    "test": {"hard_dice": 0.913},
}


@pytest.fixture
def with_model(folder: Path) -> Path:
    """An exported model and a run."""
    model = folder / "saved_models" / "gold"
    model.mkdir(parents=True)
    (model / "model.json").write_text(json.dumps(_CARD))
    make_run(folder / "runs", "a").model_file.write_bytes(b"")
    return folder


def test_an_empty_folder_says_how_to_begin_and_offers_the_models_that_ship(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        assert "Select a model and press s" in screen_text(app)
        assert "au-hrtem (included)" in screen_text(app)
        assert "network n3-p244" in str(app.query_one("#model-facts", Static).render())
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, CommandForm))

    drive(folder, script)


def test_where_the_models_of_the_folder_are_those_that_ship_each_stands_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "saved_models" / "au").mkdir(parents=True)
    (folder / "saved_models" / "au" / "model.json").write_text(json.dumps(_CARD))
    monkeypatch.setattr("tem_rf_tui.screens.segment.SHIPPED_MODELS", folder / "saved_models")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: app.query_one("#models", OptionList).option_count == 1)

    drive(folder, script)


def test_where_nothing_ships_it_says_how_to_come_by_a_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tem_rf_tui.screens.segment.SHIPPED_MODELS", folder / "none")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6", "s")
        await until(pilot, lambda: "No models yet" in told(app))

    drive(folder, script)


def test_models_are_exports_and_runs_and_those_that_ship(with_model: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: app.query_one("#models", OptionList).option_count == 5)
        facts = str(app.query_one("#model-facts", Static).render())
        assert "network n2-p44" in facts
        assert "test hard dice 0.913" in facts

    drive(with_model, script)


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (_CARD | {"dataset": None, "imported_from": {"name": "UNet_b2.h5", "sha256": "0"}}, "dataset unknown"),
        ([1, 2], "is not a valid model card"),
        (_CARD | {"architecture": 7}, "is not a valid model card"),
    ],
)
def test_a_card_of_any_kind_is_said_in_words(with_model: Path, card: Any, said: str) -> None:
    (with_model / "saved_models" / "gold" / "model.json").write_text(json.dumps(card))

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: said in str(app.query_one("#model-facts", Static).render()))

    drive(with_model, script)


def test_a_mask_that_cannot_be_trusted_is_marked_with_the_reason() -> None:
    trusted = {"is_trusted": True, "expected_dice": 0.914, "reason": None}
    assert trust_cell({"trust": trusted}) == "0.91"
    assert trust_cell({"trust": {"is_trusted": False, "expected_dice": 0.3, "reason": "noise"}}) == "✗ 0.30 noise"
    assert trust_cell({}) == "–"


def test_segment_asks_what_and_runs_the_command(with_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (with_model / "new").mkdir()
    commands = []
    monkeypatch.setattr(
        "tem_rf_tui.jobs.JobBoard.start", lambda self, title, arguments, ending="done": commands.append(list(arguments))
    )

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: app.query_one("#models", OptionList).option_count == 5)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, CommandForm))
        await pilot.press("ctrl+s")
        assert commands == []  # no images yet
        app.screen.query_one("#field-images", Input).value = "new"
        app.screen.query_one("#field-split_touching", Checkbox).value = True
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(commands) == 1)

    drive(with_model, script)
    model = str(with_model / "saved_models" / "gold")
    assert commands[0] == ["segment", "new", "--model", model, "--split-touching", "--json"]


def test_masks_are_shown_on_their_micrographs(with_model: Path, tmp_path: Path) -> None:
    segmented_micrograph(with_model, tmp_path / "state")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        table = app.query_one("#segmented", RowTable)
        await until(pilot, lambda: len(table.rows) == 1)
        assert list(table.rows[0]) == ["au.tif", "9.8%", "4", "–", "."]
        await until(pilot, lambda: "au.tif" in str(app.query_one("#mask-view", MicrographView).border_title))
        await pilot.press("v")
        assert table.has_focus

    drive(with_model, script)


def test_a_screen_opened_before_the_jobs_are_read_shows_them_later(
    with_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmented_micrograph(with_model, tmp_path / "state")
    may_read, poll = threading.Event(), JobBoard.poll

    def poll_later(board: JobBoard) -> list[Job]:
        may_read.wait()
        return poll(board)

    monkeypatch.setattr(JobBoard, "poll", poll_later)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        try:
            await pilot.press("6")
            await until(pilot, lambda: "Reading …" in screen_text(app))
        finally:
            may_read.set()
        await until(pilot, lambda: len(app.query_one("#segmented", RowTable).rows) == 1)
        assert told(app) == ""  # it ended in an earlier session

    drive(with_model, script)


def test_the_folder_of_a_micrograph_is_pooled(
    with_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmented_micrograph(with_model, tmp_path / "state")
    (with_model / "other").mkdir()
    commands = []
    monkeypatch.setattr(
        "tem_rf_tui.jobs.JobBoard.start", lambda self, title, arguments, ending="done": commands.append(list(arguments))
    )

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: len(app.query_one("#segmented", RowTable).rows) == 1)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, CommandForm))
        app.screen.query_one("#field-compare", Input).value = "other"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(commands) == 1)

    drive(with_model, script)
    assert commands[0] == ["particles", ".", "--compare", "other"]


def test_particles_stand_in_a_table_below_their_sizes(with_model: Path, tmp_path: Path) -> None:
    segmented_micrograph(with_model, tmp_path / "state")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6", "h")
        table = app.query_one("#particles", RowTable)
        await until(pilot, lambda: len(table.rows) == 4)
        assert list(table.rows[0][:4]) == ["1", "1", "0.181", "0.0256"]  # sqrt(4 / pi) 8 px
        assert table.rows[3][-1] == "yes"
        assert "4 particles, diameter 0.226 ± 0.045 nm (n = 3" in screen_text(app)
        assert "3 particles not cut by an edge" in screen_text(app)
        keys = app.screen.query_one(KeyLine)
        await until(pilot, lambda: "h Picture" in str(keys.render()))  # the way back
        assert str(keys.render()).endswith("q Quit")
        assert len(str(keys.render())) <= NARROW[0] - 2

    drive(with_model, script)


def test_a_table_of_particles_that_vanished_is_said_in_words(with_model: Path, tmp_path: Path) -> None:
    segmented_micrograph(with_model, tmp_path / "state")
    (with_model / "au_particles.csv").write_text("frame,number\n1,1\n")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6", "h")
        summary = app.query_one("#particle-summary", Static)
        await until(pilot, lambda: "is not a table of particles" in str(summary.render()))

    drive(with_model, script)


def test_a_mask_that_vanished_is_said_in_words(with_model: Path, tmp_path: Path) -> None:
    segmented_micrograph(with_model, tmp_path / "state")
    (with_model / "au_mask.tif").unlink()

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "au_mask.tif" in told(app))

    drive(with_model, script)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_it_looks_as_it_did(with_model: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    segmented_micrograph(with_model, tmp_path / "state")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "au.tif" in str(app.query_one("#mask-view", MicrographView).border_title))
        await until(pilot, lambda: len(app.query_one("#particles", RowTable).rows) == 4)
        await assert_snapshot(pilot, f"segment-{size[0]}x{size[1]}")

    drive(with_model, script, size=size)


def test_particles_and_frames_are_stepped_through_at_full_size(with_model: Path, tmp_path: Path) -> None:
    segmented_movie(with_model, tmp_path / "state")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: len(app.query_one("#segmented", RowTable).rows) == 1)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, SegmentedScreen))
        await until(pilot, lambda: "frame 1/2" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: "particle 2 (1 of 2 by size), diameter 0.406 nm" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: "particle 1 (2 of 2 by size)" in screen_text(app))
        (zoom,) = {view.zoom for view in app.screen.query(MicrographView)}
        assert zoom > 1
        await pilot.press("o")
        await until(pilot, lambda: "(1 of 2 by confidence)" in screen_text(app))
        assert "particle 1" in screen_text(app)  # the less certain one
        assert "confidence 0.60" in screen_text(app)
        await pilot.press("full_stop")
        await until(pilot, lambda: "frame 2/2" in screen_text(app) and "1 particles" in screen_text(app))

    drive(with_model, script, size=(160, 48))


def test_a_segmented_micrograph_is_corrected(with_model: Path, tmp_path: Path) -> None:
    segmented_micrograph(with_model, tmp_path / "state")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: len(app.query_one("#segmented", RowTable).rows) == 1)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, EditLabelScreen))
        await until(pilot, lambda: "1 particle to review" in screen_text(app))
        await pilot.press("g", "w", "q")
        await until(pilot, lambda: not isinstance(app.screen, EditLabelScreen))

    drive(with_model, script)
    assert tifffile.imread(with_model / "au_labels.tif").astype(bool).sum() > 400


def test_models_micrographs_and_particles_are_filtered_by_words(with_model: Path, tmp_path: Path) -> None:
    segmented_micrograph(with_model, tmp_path / "state")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        table, models = app.query_one("#segmented", RowTable), app.query_one("#models", OptionList)
        particles = app.query_one("#particles", RowTable)
        await until(pilot, lambda: len(table.rows) == 1 and len(particles.rows) == 4)
        every = models.option_count
        await pilot.press("slash", *"au-hrtem", "enter")
        await until(pilot, lambda: 0 < models.option_count < every and models.has_focus)
        assert "au-hrtem" in str(models.get_option_at_index(0).prompt)
        await pilot.press("slash", "escape", "v")
        await until(pilot, lambda: models.option_count == every)
        await pilot.press("slash", *"ag")
        await until(pilot, lambda: not table.rows)
        await pilot.press("escape")
        await until(pilot, lambda: len(table.rows) == 1 and table.has_focus)
        await until(pilot, lambda: len(particles.rows) == 4)
        last = particles.rows[3]
        particles.focus()
        await pilot.press("slash", *last[2], "enter")
        await until(pilot, lambda: list(particles.rows) == [last] and particles.has_focus)

    drive(with_model, script, size=WIDE)


def test_a_followed_folder_fills_the_table_while_it_is_segmented(with_model: Path, tmp_path: Path) -> None:
    segmented_micrograph(with_model, tmp_path / "state")
    job = tmp_path / "state" / "tem-rf" / "jobs" / "1"
    (job / "code.txt").unlink()
    about = json.loads((job / "job.json").read_text())
    me = psutil.Process()
    (job / "job.json").write_text(json.dumps(about | {"pid": me.pid, "create_time": me.create_time()}))
    (row,) = json.loads((job / "output.txt").read_text())
    second, grown = {**row, "image": "b.tif", "mask": "b_mask.tif"}, {**row, "particle_fraction": 0.5}
    output = job / "output.txt"
    output.write_text(json.dumps(row) + "\n")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        table = app.query_one("#segmented", RowTable)
        await until(pilot, lambda: [row[0] for row in table.rows] == ["au.tif"])
        with output.open("a") as file:
            file.write(json.dumps(second) + "\n" + json.dumps(grown)[:20])
        await until(pilot, lambda: [row[0] for row in table.rows] == ["au.tif", "b.tif"])
        assert table.cursor_row == 1  # the new one
        with output.open("a") as file:
            file.write(json.dumps(grown)[20:] + "\n")
        await until(pilot, lambda: [row[1] for row in table.rows] == ["50.0%", "9.8%"])
        assert table.cursor_row == 1
        await pilot.press("v", "up")  # looking through the results
        with output.open("a") as file:
            file.write(json.dumps({**row, "image": "c.tif", "mask": "c_mask.tif"}) + "\n")
        await until(pilot, lambda: len(table.rows) == 3)
        assert table.cursor_row == 0

    drive(with_model, script)


def test_what_to_label_next_is_asked_of_the_model_under_the_cursor(
    with_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []
    monkeypatch.setattr(
        "tem_rf_tui.jobs.JobBoard.start", lambda self, title, arguments, ending="done": commands.append(list(arguments))
    )
    (with_model / "new").mkdir()
    write_tiff(with_model / "new" / "a.tif", np.zeros((64, 64), np.float32), pixel_size_nm=0.02)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: app.query_one("#models", OptionList).option_count == 5)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, CommandForm))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(commands) == 1)

    drive(with_model, script)
    assert commands[0] == ["label", "next", "new", "--model", str(with_model / "saved_models" / "gold")]


def test_a_click_selects_the_nearest_particle(with_model: Path, tmp_path: Path) -> None:
    segmented_movie(with_model, tmp_path / "state")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: len(app.query_one("#segmented", RowTable).rows) == 1)
        await pilot.press("f")
        await until(pilot, lambda: "frame 1/2" in screen_text(app))
        await pilot.press("n", "0")  # the largest
        await until(pilot, lambda: "particle 2 (1 of 2" in screen_text(app))
        other = app.screen._frame.ordered("number")[0]  # type: ignore[attr-defined]
        view = app.screen.query_one("#segmented-mask", MicrographView)
        side = 2 * (view.size.height - 1) / 64  # characters per pixel; the picture is as high as its view
        await pilot.click(view, offset=(int(1 + other.x_px * side), int(1 + other.y_px * side / 2)))
        await until(pilot, lambda: "particle 1 (2 of 2" in screen_text(app))

    drive(with_model, script, size=(160, 48))


def test_the_map_of_one_condition_fits_the_column_of_models() -> None:
    lines = model_facts(SHIPPED_MODELS / "au-hrtem").splitlines()
    start = lines.index("dice by pixel size [nm]")
    assert [len(line.split()) for line in lines[start + 1 : start + 4]] == [2, 2, 2]
    assert max(map(len, lines[start:])) <= 30


def test_a_result_that_is_slow_to_read_is_named_in_its_frame(
    with_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmented_micrograph(with_model, tmp_path / "state")
    go_on = threading.Event()

    def slow(*which: Any) -> Any:
        go_on.wait(20)
        return preview_mask(*which)

    monkeypatch.setattr("tem_rf_tui.screens.segment.preview_mask", slow)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: bool(app.query("#mask-view")))
        view = app.query_one("#mask-view", MicrographView)
        await until(pilot, lambda: view.border_title == "Reading au.tif …")
        go_on.set()
        await until(pilot, lambda: view.border_title == "au.tif, particles outlined")

    drive(with_model, script)
