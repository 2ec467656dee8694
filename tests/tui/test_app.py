"""The app around its screens: tabs, help, themes, what is remembered, commands."""

import importlib
import json
import pkgutil
import threading
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.renderables.blank import Blank
from textual.widgets import Input, TabbedContent, TabPane

import tem_rf_tui
from tem_rf.runs.view import RunTracker
from tem_rf.study.view import StudyTracker
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.help import HelpScreen
from tem_rf_tui.jobs import JobBoard
from tem_rf_tui.messages import JobsChanged, RunsChanged
from tem_rf_tui.results import StudyRuns
from tem_rf_tui.screens import SCREENS, screen_class
from tem_rf_tui.screens.browse import BrowseScreen
from tem_rf_tui.screens.image_errors import ImageErrorsScreen
from tem_rf_tui.screens.image_scores import ImageScoresScreen
from tem_rf_tui.screens.jobs import JobsScreen
from tem_rf_tui.tabs import ScreenTabs
from tem_rf_tui.themes import CYCLE
from tem_rf_tui.widgets.job_line import JobLine
from tem_rf_tui.widgets.row_table import OpeningTable, RowTable
from tests.helpers.app import NARROW, WIDE, drive, make_run, screen_text, told, until


def _is_open(app: TemRfApp, name: str) -> bool:
    return bool(app.query(screen_class(name)))


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_number_opens_each_screen_of_an_empty_folder(folder: Path, size: tuple[int, int]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        for number, (name, _) in enumerate(SCREENS, start=1):
            await pilot.press(str(number))
            await until(pilot, partial(_is_open, app, name))
            assert app.query_one(TabbedContent).active == name
            await pilot.pause(0.2)

    drive(folder, script, size=size)


def test_help_lists_every_key_of_every_screen(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await until(pilot, lambda: "Everywhere" in screen_text(app))
        text = screen_text(app)
        for name, title in SCREENS:
            assert title in text
            assert all((binding.tooltip or binding.description) in text for binding in screen_class(name).BINDINGS)
        for screen in (ImageScoresScreen, ImageErrorsScreen, BrowseScreen, RowTable):
            assert all((binding.tooltip or binding.description) in text for binding in screen.BINDINGS)
        assert "Zoom in" in text
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)

    drive(folder, script, size=(160, 330))


def test_no_key_of_any_part_of_the_app_is_left_out_of_help(folder: Path) -> None:
    parts = {
        part
        for module in pkgutil.walk_packages(tem_rf_tui.__path__, "tem_rf_tui.")
        for part in vars(importlib.import_module(module.name)).values()
        if isinstance(part, type) and part.__module__.startswith("tem_rf_tui.") and "BINDINGS" in vars(part)
    }

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        await until(pilot, lambda: "Everywhere" in screen_text(app))
        text = screen_text(app)
        for part in parts - {HelpScreen, OpeningTable}:  # help says itself how to leave it
            left_out = [each for each in vars(part)["BINDINGS"] if (each.tooltip or each.description) not in text]
            assert not left_out, part

    drive(folder, script, size=(160, 330))
    assert len(parts) > len(SCREENS)


def test_theme_and_screen_are_remembered(folder: Path, tmp_path: Path) -> None:
    async def change(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("5", "t", "t")
        await pilot.pause(0.2)
        assert app.theme == "high-contrast"

    async def look(app: TemRfApp, pilot: Pilot[None]) -> None:
        assert app.theme == "high-contrast"
        assert app.query_one(TabbedContent).active == "results"

    drive(folder, change)
    assert json.loads((tmp_path / "config" / "tem-rf" / "tui.json").read_text())["screen"] == "results"
    drive(folder, look)


@pytest.mark.parametrize(
    ("key", "reader", "nothing"),
    [
        ("3", RunTracker, "No runs in"),
        ("4", StudyTracker, "No studies in"),
        ("5", RunTracker, "No run has finished"),
        ("5", StudyRuns, "No run has finished"),
        ("6", JobBoard, "No segmented micrographs"),
    ],
)
def test_what_is_not_read_yet_is_not_said_to_be_absent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, key: str, reader: Any, nothing: str
) -> None:
    may_read, poll = threading.Event(), reader.poll
    monkeypatch.setattr(reader, "poll", lambda *given, **named: may_read.wait(10) and poll(*given, **named))

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await until(pilot, lambda: "Reading …" in screen_text(app))
        await pilot.pause(0.5)
        assert nothing not in screen_text(app)
        may_read.set()
        await until(pilot, lambda: nothing in screen_text(app))

    drive(folder, script)


def test_a_tab_is_blank_until_its_content_is_made(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        assert not [pane.id for pane in app.query(TabPane) if not isinstance(pane.render(), Blank)]

    drive(folder, script)


def test_the_themes_go_round(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        seen = []
        for _ in CYCLE:
            await pilot.press("t")
            seen.append(app.theme)
        assert sorted(seen) == sorted(CYCLE)

    drive(folder, script)


def test_a_damaged_state_file_starts_from_the_defaults(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "config" / "tem-rf" / "tui.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"screen": 7')

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        assert app.query_one(TabbedContent).active == SCREENS[0][0]

    drive(folder, script)


def test_a_state_file_that_cannot_be_written_is_told_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file stands in the way")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("t", "t", "5")
        await pilot.pause(0.3)
        assert told(app).count("cannot be saved") == 1

    drive(folder, script)


def test_a_command_that_fails_is_told_with_its_last_words(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        app.start_command("field", "rf", "show", "n2-p4")
        await until(pilot, lambda: "needs 2 pooling sizes" in told(app), seconds=30)
        assert "tem-rf:" not in told(app)
        await pilot.press("j")
        assert isinstance(app.screen, JobsScreen)
        await pilot.pause(0.2)
        assert "failed" in screen_text(app)
        jobs = cast("JobsScreen", app.screen).query_one(RowTable)
        await pilot.press("slash", *"other")
        await until(pilot, lambda: not jobs.rows)
        assert "No job has these words" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: len(jobs.rows) == 1 and jobs.has_focus)

    drive(folder, script, size=WIDE)


def test_numbers_typed_into_a_field_are_text(folder: Path) -> None:
    make_run(folder / "runs", "a")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("5", "slash", "1", "2")
        assert app.query_one("#results-filter", Input).value == "12"
        assert app.query_one(TabbedContent).active == "results"
        await pilot.press("enter", "3")
        await pilot.pause(0.1)
        assert app.query_one(TabbedContent).active == "train"

    drive(folder, script)


def test_two_apps_on_one_folder_see_the_same_runs(folder: Path) -> None:
    make_run(folder / "runs", "a")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        other = TemRfApp(folder)
        async with other.run_test() as other_pilot:
            await until(other_pilot, lambda: len(other.runs) == 1)
        await until(pilot, lambda: len(app.runs) == 1)

    drive(folder, script)


def test_the_palette_offers_what_the_open_screen_can_do(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: bool(app.query("TrainScreen")))
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert {"Train", "Results", "New", "Resume", "Jobs"} <= set(titles)

    drive(folder, script)


def test_news_that_come_while_the_app_is_being_closed_end_nothing(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await app.query_one(ScreenTabs).remove()
        await app.query_one(JobLine).remove()
        app.post_message(RunsChanged([]))
        app.post_message(JobsChanged([]))
        await pilot.pause()

    drive(folder, script)
