"""The six steps: which are done in a folder, and the key that begins the next; and the settings."""

import shutil
from pathlib import Path

from textual.pilot import Pilot

from tem_rf.jobs.settings import load_settings, settings_file
from tem_rf.version import __version__
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.jobs import JobBoard
from tem_rf_tui.screens.guide import GuideScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.steps import find_steps, next_step
from tem_rf_tui.widgets.switch_box import SwitchBox
from tem_rf_tui.workspace import Workspace
from tests.helpers.app import drive, screen_text, told, until
from tests.helpers.workspaces import segmented_micrograph


def test_enter_begins_the_first_step_that_is_not_done(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("6", "i")
        await until(pilot, lambda: isinstance(app.screen, GuideScreen))
        await until(
            pilot,
            lambda: "Next: micrographs. Press Enter to simulate some, or 1, then" in " ".join(screen_text(app).split()),
        )
        assert f"tem-rf {__version__}" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CommandForm))
        assert "Simulate" in screen_text(app)

    drive(folder, script)


def test_steps_are_done_by_what_is_in_the_folder(folder: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")

    segmented_micrograph(folder, tmp_path / "state")
    board = JobBoard(tmp_path / "state" / "tem-rf" / "jobs", folder)
    workspace = Workspace(folder)
    steps = find_steps(workspace, [], board.poll(), "n2-p44")
    assert [bool(step.done) for step in steps] == [True, True, True, False, False, True]
    coming = next_step(steps)
    assert coming is not None
    assert coming.keys == "{app.train}, then {train.new}"
    assert steps[-1].done == "1 micrograph"


async def _turn_bell_off(app: TemRfApp, pilot: Pilot[None]) -> None:
    await pilot.press("S")
    await until(pilot, lambda: bool(app.screen.query("#field-bell")))
    app.screen.query_one("#field-bell", SwitchBox).value = False
    await pilot.press("ctrl+s")


def test_settings_are_saved_in_their_file_and_used_at_once(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _turn_bell_off(app, pilot)
        await until(pilot, lambda: "Saved in" in told(app))
        assert not app.settings.bell

    drive(folder, script)
    assert load_settings().bell is False


def test_settings_that_cannot_be_saved_are_not_said_to_be(folder: Path) -> None:
    file = settings_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("theme = [[")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "settings.toml: cannot be read" in told(app))
        await _turn_bell_off(app, pilot)
        await until(pilot, lambda: "Settings apply until you quit, but cannot be saved" in told(app))
        assert not app.settings.bell
        assert "Saved in" not in told(app)

    drive(folder, script)
    assert file.read_text() == "theme = [["  # the user may have written it by hand
