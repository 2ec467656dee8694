"""Keys and fields before what they are meant for has been built."""

import asyncio
import shutil
from pathlib import Path

from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from tem_rf_tui.app import TemRfApp
from tem_rf_tui.screens.new_training import NewTrainingScreen
from tem_rf_tui.screens.train import TrainScreen
from tem_rf_tui.widgets.run_table import RunTable
from tests.helpers.app import drive, make_run, until

_CHARACTERS = {"minus": "-", "slash": "/"}


def _type_ahead(app: TemRfApp, *keys: str) -> None:
    """All keys at once: none waits for what the one before it does."""
    for key in keys:
        app.post_message(Key(key, _CHARACTERS.get(key, key if len(key) == 1 else None)))


def test_keys_typed_ahead_reach_the_form_they_open(folder: Path, tiny_dataset: Path) -> None:
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        _type_ahead(app, "3", "n", "ctrl+u", *"n2", "minus", *"p22", *["tab"] * 5, "ctrl+u", "7")
        await until(pilot, lambda: bool(app.screen.query("#field-epochs")))
        await until(pilot, lambda: app.screen.query_one("#field-epochs", Input).value == "7")
        assert app.screen.query_one("#field-network", Input).value == "n2-p22"
        assert isinstance(app.screen, NewTrainingScreen)

    drive(folder, script)


def test_a_key_that_opens_a_field_is_followed_by_text(folder: Path) -> None:
    make_run(folder / "runs", "a")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        _type_ahead(app, "5", "slash", "1", "2", "enter", "3")
        await until(pilot, lambda: any(each.value == "12" for each in app.query("#results-filter").results(Input)))
        await until(pilot, lambda: isinstance(app.focused, RunTable))

    drive(folder, script)


def test_keys_before_the_first_screen_wait_for_it(folder: Path) -> None:
    async def run() -> None:
        app = TemRfApp(folder)
        async with app.run_test() as pilot:
            assert not app.query("TabScreen")
            _type_ahead(app, "2", "e")
            await until(pilot, lambda: app.focused is not None and app.focused.id == "net-pooling_sequence")

    asyncio.run(run())


def test_a_field_filled_at_once_keeps_what_was_filled_in(folder: Path, tiny_dataset: Path) -> None:
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        _type_ahead(app, "3", "n")
        for _ in range(100_000):  # turns of the event loop, so that the field is filled as soon as it is there
            if app.screen.query("#field-epochs"):
                break
            await asyncio.sleep(0)
        field = app.screen.query_one("#field-epochs", Input)
        field.value = "many"
        await until(pilot, lambda: "whole number" in str(app.screen.query_one("#summary").render()))
        await pilot.pause(0.3)
        assert field.value == "many"

    drive(folder, script)


def test_a_key_to_a_widget_that_is_gone_holds_up_none(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        field = Input()
        await app.screen.mount(field)
        app.screen.set_focus(field)
        field.remove()
        _type_ahead(app, "down", "2")
        await pilot.pause(0.2)
        _type_ahead(app, "3")
        await until(pilot, lambda: isinstance(app.focused, TrainScreen))

    drive(folder, script)
