"""Keys that the settings give to actions."""

import ast
import re
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

import tem_rf_tui
from tem_rf.jobs.settings import save_settings
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.help import HelpScreen
from tem_rf_tui.key_hints import NAME
from tem_rf_tui.key_names import USUAL_KEYS, check_keys
from tem_rf_tui.key_places import all_bindings
from tem_rf_tui.screens.new_training import NewTrainingScreen
from tem_rf_tui.widgets.key_line import KeyLine
from tests.helpers.app import WIDE, drive, screen_text, told, until


def test_a_key_of_the_settings_replaces_the_usual_one_everywhere_it_is_named(folder: Path) -> None:
    save_settings({"keys": {"train.new": "N", "app.help": "f2"}})

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "N New" in str(app.screen.query_one(KeyLine).render()))
        await pilot.press("n")
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "N Set up one or more runs" in " ".join(screen_text(app).split())
        await pilot.press("escape", "N")
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        assert told(app) == ""

    drive(folder, script)


def test_keys_that_cannot_be_used_are_told_and_leave_the_others(folder: Path) -> None:
    save_settings({"keys": {"train.nwe": "N", "train.stop": "n", "train.resume": "R"}})

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "train.nwe: no such name; did you mean train.new?" in told(app))
        assert "train.stop: n is already the key of train.new" in told(app)
        assert app.keys == {"train.resume": "R"}

    drive(folder, script)


def test_hints_name_the_keys_of_the_settings(folder: Path) -> None:
    save_settings({"keys": {"train.new": "N", "data.simulate": "ctrl+g", "app.steps": "f2", "app.jobs": "f3"}})

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "Press Ctrl+G to simulate micrographs, f to fetch" in screen_text(app))
        assert "Press F2 at any time" in screen_text(app)
        await pilot.press("3")
        await until(pilot, lambda: "Press N to set up a training" in screen_text(app))
        await pilot.press("f2")
        await until(pilot, lambda: "press 1, then Ctrl+G simulate, f fetch or b browse" in screen_text(app))
        await pilot.press("escape", "question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "Jobs (F3)" in cast("HelpScreen", app.screen).titles
        app.notify("Press {app.jobs}; {no.name} stays.")
        assert told(app) == "Press F3; {no.name} stays."

    drive(folder, script, size=WIDE)


_NAMED_KEY = re.compile(r"\b[Pp]ress [a-zA-Z0-9]\b")


def test_no_text_names_a_key_that_the_settings_can_change() -> None:
    all_bindings()  # imports all screens
    for path in sorted(Path(tem_rf_tui.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and path.stem != "key_hints":
                is_fixed = path.stem == "about_run"  # a question whose keys are not in the settings
                assert is_fixed or not _NAMED_KEY.search(node.value), f"{path.name}: {node.value}"
                assert set(NAME.findall(node.value)) <= set(USUAL_KEYS), f"{path.name}: {node.value}"


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"search.new": "q"}, "search.new: q is already the key of app.quit"),
        ({"app.theme": "n"}, "app.theme: n is already the key of data.next"),
        ({"train.new": "pagedwn"}, "train.new: there is no key pagedwn"),
        ({"train.new": " "}, "train.new: no key is given"),
    ],
)
def test_a_key_works_in_one_place_for_one_action(wanted: dict[str, str], problem: str) -> None:
    keymap, problems = check_keys(wanted, [*all_bindings(), *TemRfApp.BINDINGS])
    assert keymap == {}
    assert [text.partition(" of ")[0] for text in problems] == [problem.partition(" of ")[0]]


def test_two_keys_may_be_exchanged_and_no_usual_key_is_taken_twice() -> None:
    bindings = [*all_bindings(), *TemRfApp.BINDINGS]
    exchanged = {"train.new": "s", "train.stop": "n"}
    assert check_keys(exchanged, bindings) == (exchanged, [])
    names = [each.id for each in bindings if each.id]
    assert len(names) == len(set(names))
