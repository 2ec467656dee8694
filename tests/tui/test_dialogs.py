"""Dialogs in a narrow terminal, in the themes that the screens are not held in."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static

from tem_rf_tui.app import TemRfApp
from tem_rf_tui.help import HelpScreen
from tem_rf_tui.screens.image_scores import ImageScoresScreen
from tem_rf_tui.screens.jobs import JobsScreen
from tem_rf_tui.screens.new_study import NewStudyScreen
from tem_rf_tui.screens.new_training import NewTrainingScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.widgets.row_table import RowTable
from tests.helpers.app import WIDE, assert_snapshot, drive, give_scores, make_run, until

DIALOGS: dict[str, tuple[Sequence[str], type[Screen[Any]]]] = {
    "simulate": (("1", "s"), CommandForm),
    "new-training": (("3", "n"), NewTrainingScreen),
    "new-study": (("4", "n"), NewStudyScreen),
    "images": (("5", "enter"), ImageScoresScreen),
    "commands": (("j",), JobsScreen),
    "help": (("question_mark",), HelpScreen),
}
"""Keys that lead to each."""


@pytest.fixture
def with_data(folder: Path, tiny_dataset: Path) -> Path:
    """A dataset and an evaluated run."""
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")
    give_scores(make_run(folder / "runs", "n2-p24-s752"), 0.9, 0.8)
    return folder


async def _open(app: TemRfApp, pilot: Pilot[None], keys: Sequence[str], kind: type[Screen[Any]]) -> None:
    await pilot.press(keys[0])
    if keys[0] == "5":
        await until(pilot, lambda: any(table.rows for table in app.query("ResultsScreen RowTable").results(RowTable)))
    await pilot.press(*keys[1:])
    await until(pilot, lambda: isinstance(app.screen, kind))
    for box in app.screen.query(Input):
        box.cursor_blink = False
    if kind is NewStudyScreen:  # it says after a moment what it would train
        await until(pilot, lambda: str(app.screen.query_one("#summary", Static).render()) != "")


@pytest.mark.parametrize("theme", ["textual-light", "high-contrast"])
def test_they_look_as_they_did(with_data: Path, theme: str) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        app.theme = theme
        for name, (keys, kind) in DIALOGS.items():
            await _open(app, pilot, keys, kind)
            await assert_snapshot(pilot, f"{name}-{theme.removeprefix('textual-')}-80x24")
            await pilot.press("escape")

    drive(with_data, script)


def test_a_form_is_narrow_before_it_is_first_painted(with_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields, widths = CommandForm.fields, []

    def fields_and_width(form: Any) -> Any:
        widths.append(form.has_class("-narrow"))
        return fields(form)

    monkeypatch.setattr(CommandForm, "fields", fields_and_width)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("1", "s")
        await until(pilot, lambda: isinstance(app.screen, CommandForm))

    drive(with_data, script)
    drive(with_data, script, size=WIDE)
    assert widths == [True, False]


def test_a_narrow_form_says_whole_what_the_field_is_for_and_what_is_wrong(with_data: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot, ("1", "s"), CommandForm)
        about, summary = app.screen.query_one("#about-field", Static), app.screen.query_one("#summary", Static)
        await pilot.press("tab", "tab", "tab")
        await until(pilot, lambda: str(about.render()).startswith("Number of micrographs;"))
        await pilot.press("x")
        await until(pilot, lambda: "count: expected a whole number" in str(summary.render()))

    drive(with_data, script)
