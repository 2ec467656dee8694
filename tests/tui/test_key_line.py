"""The line of keys."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tem_rf_tui.app import TemRfApp
from tem_rf_tui.help import HelpScreen
from tem_rf_tui.screens import SCREENS, screen_class
from tem_rf_tui.screens.image_errors import ImageErrorsScreen
from tem_rf_tui.widgets.key_line import KeyLine
from tests.helpers.app import NARROW, WIDE, drive, make_run, screen_text, until
from tests.helpers.labelled_folder import write_folder
from tests.helpers.workspaces import evaluated_run


@pytest.fixture
def with_folders(folder: Path, tiny_dataset: Path) -> Path:
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")
    write_folder(folder / "raw", 2)
    return folder


def test_the_last_line_names_the_keys_that_work_now_and_they_can_be_clicked(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "n New" in _key_line(app))
        assert _key_line(app).endswith("? Help  q Quit")
        assert len(_key_line(app)) <= NARROW[0] - 2
        await pilot.click(KeyLine, offset=(_key_line(app).index("? Help") + 1, 0))
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert _key_line(app) == "esc Close"  # of its three keys one is named

    drive(folder, script)


@pytest.mark.parametrize(("number", "name"), [(number, name) for number, (name, _) in enumerate(SCREENS, start=1)])
def test_every_key_has_room_in_a_narrow_terminal(folder: Path, number: Any, name: Any) -> None:
    make_run(folder / "runs", "a")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(str(number))
        await until(pilot, lambda: bool(app.query(screen_class(name))))
        await until(pilot, lambda: _key_line(app).endswith("? Help  q Quit"))
        assert len(_key_line(app)) <= NARROW[0] - 2

    drive(folder, script)


def test_only_keys_that_do_something_here_are_listed(with_folders: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "u Use" in _key_line(app))  # a dataset
        assert "Prepare" not in _key_line(app)
        await pilot.press("down")
        await until(pilot, lambda: "m Prepare  c Check" in _key_line(app))  # labelled micrographs
        assert "Use" not in _key_line(app)
        await pilot.press("6")
        await until(pilot, lambda: "s Segment" in _key_line(app))
        assert "Particles" not in _key_line(app)  # side by side with the picture

    drive(with_folders, script, size=WIDE)


def test_a_table_without_rows_has_no_keys_for_rows(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("5")
        await until(pilot, lambda: "No run has finished an epoch yet; press 3 to train" in screen_text(app))
        assert _key_line(app) == "? Help  q Quit"

    drive(folder, script)


def test_a_filter_names_its_keys_while_it_is_typed(with_folders: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "u Use" in _key_line(app))
        await pilot.press("slash")
        await until(pilot, lambda: _key_line(app) == "⏎ Keep  esc Clear")
        await pilot.press("d", "enter")
        await until(pilot, lambda: "u Use" in _key_line(app))

    drive(with_folders, script)


def test_every_key_has_room_on_an_image_and_its_errors(folder: Path, tiny_dataset: Path) -> None:
    evaluated_run(folder, tiny_dataset)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("5")
        await until(pilot, lambda: "x Export" in _key_line(app))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, ImageErrorsScreen))
        await until(pilot, lambda: _key_line(app).endswith("esc Close  ? Help"))
        assert len(_key_line(app)) <= NARROW[0] - 2

    drive(folder, script)


def _key_line(app: TemRfApp) -> str:
    return str(app.screen.query_one(KeyLine).render())


def test_the_key_of_a_form_has_the_word_of_its_button(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("S")
        await until(pilot, lambda: _key_line(app).startswith("esc Cancel  ^s Save"))

    drive(folder, script)
