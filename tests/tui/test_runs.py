"""Many runs on the Train screen: marks, filter, order, notes, deletion, the queue, logs."""

from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from tem_rf.jobs.queue import QueuedRun, TrainingQueue
from tem_rf.runs.events import StatusEvent
from tem_rf.runs.notes import read_notes
from tem_rf.runs.root import list_runs
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.screens.about_run import QuestionScreen
from tem_rf_tui.screens.report import ReportScreen
from tem_rf_tui.widgets.curves import CurvePlot, Curves
from tem_rf_tui.widgets.run_table import RunTable
from tem_rf_tui.widgets.text_lines import TextLines
from tests.helpers.app import WIDE, drive, make_run, screen_text, told, until


async def _open(app: TemRfApp, pilot: Pilot[None], count: int) -> RunTable:
    await pilot.press("3")
    await until(pilot, lambda: bool(app.query(RunTable)) and len(app.query_one(RunTable).rows) == count)
    return app.query_one(RunTable)


def _names(table: RunTable) -> list[str]:
    return [row[1].removeprefix("● ") for row in table.rows]


def test_curves_of_marked_runs_are_drawn_on_top_of_each_other(folder: Path) -> None:
    for name, epochs in (("a", 3), ("b", 5), ("c", 4)):
        make_run(folder / "runs", name, epochs=epochs)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot, 3)
        await pilot.press("space", "down", "space")
        curves = app.query_one(Curves)
        await until(pilot, lambda: [run.run.name for run in curves.runs] == ["a", "c"])
        assert "a  best 0.717" in screen_text(app)
        await pilot.press("x", "w")  # no steps were reported, so the next axis is time
        title = str(app.query_one("#dice", CurvePlot).border_title)
        assert title == "hard dice, against time, smoothed 0.6"
        await pilot.press("u")
        await until(pilot, lambda: len(curves.runs) == 1)

    drive(folder, script, size=WIDE)


def test_runs_are_filtered_by_name_note_and_tag_and_sorted_by_number(folder: Path) -> None:
    for number in (2, 9, 10):
        make_run(folder / "runs", f"run-{number}", epochs=number, total=20)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        table = await _open(app, pilot, 3)
        await pilot.press("o", "o")  # by name
        assert _names(table) == ["run-2", "run-9", "run-10"]
        await pilot.press("O", "m")
        assert _names(table) == ["run-10", "run-9", "run-2"]
        app.screen.query_one("#about-tags", Input).value = "#paper, best"
        app.screen.query_one("#about-name", Input).value = "first"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: any("first #best #paper" in row[1] for row in table.rows))
        await pilot.press("slash", *"#paper", "enter")
        await until(pilot, lambda: [row[1] for row in table.rows] == ["first #best #paper"])
        await pilot.press("slash", "escape")
        await until(pilot, lambda: len(table.rows) == 3)

    drive(folder, script)
    (run,) = (run for run in list_runs(folder / "runs") if read_notes(run).tags)
    assert (run.name, read_notes(run).tags) == ("first", ("best", "paper"))


def test_deletion_asks_and_leaves_a_waiting_run_alone_whose_place_can_be_changed(folder: Path) -> None:
    for name in ("a", "b"):
        run = make_run(folder / "runs", name)
        run.event_log().write(StatusEvent(state="queued"))
    make_run(folder / "runs", "c")
    queue = TrainingQueue.of(folder / "runs")
    with queue.editing() as content:
        content.waiting += [QueuedRun(run="a", environment={}), QueuedRun(run="b", environment={})]
        content.is_stopped = True

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot, 3)
        await until(pilot, lambda: "position 1 of 2; &lt; and &gt; move it" in screen_text(app))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "position 2 of 2" in screen_text(app))
        await pilot.press("D")  # nothing is asked that cannot be done
        await until(pilot, lambda: "is waiting in the queue, so it is not deleted" in told(app))
        assert not isinstance(app.screen, QuestionScreen)
        await pilot.press("end", "D")
        await until(pilot, lambda: isinstance(app.screen, QuestionScreen))
        await pilot.press("n", "D", "y")
        await until(pilot, lambda: "1 run deleted" in told(app))

    drive(folder, script)
    assert [run.name for run in list_runs(folder / "runs")] == ["a", "b"]
    assert [entry.run for entry in queue.read().waiting] == ["b", "a"]


def test_a_log_is_shown_whole_from_its_end_and_searched(folder: Path) -> None:
    run = make_run(folder / "runs", "a")
    lines = [f"line {number} {'x' * 200} end" for number in range(60)]
    run.log_file.write_text("\n".join([*lines[:30], "a needle", *lines[30:]]))

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot, 1)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        text = app.screen.query_one(TextLines)
        await until(pilot, lambda: "line 59" in screen_text(app))
        assert text.virtual_size.width > 200
        await pilot.press("slash", *"needle", "enter")
        await until(pilot, lambda: "needle" in screen_text(app))
        await pilot.press("w")
        assert text.virtual_size.width <= text.size.width

    drive(folder, script)


def test_runs_of_studies_are_listed_on_request_and_left_to_their_study(folder: Path) -> None:
    make_run(folder / "runs", "a")
    study = folder / "studies" / "depths"
    make_run(study / "runs", "au-n2-p24-s1", state="stopped")
    (study / "study.toml").touch()

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        table = await _open(app, pilot, 1)
        await pilot.press("a")
        await until(pilot, lambda: _names(table) == ["a", "depths/au-n2-p24-s1"])
        await pilot.press("space", "space")
        await until(pilot, lambda: [run.run.name for run in app.query_one(Curves).runs] == ["a", "au-n2-p24-s1"])
        assert "Resume" not in screen_text(app)
        await pilot.press("r", "D")
        await until(pilot, lambda: told(app).count("belongs to the study depths") == 2)
        await pilot.press("a")
        await until(pilot, lambda: _names(table) == ["a"])

    drive(folder, script)
    assert (study / "runs" / "au-n2-p24-s1").is_dir()
