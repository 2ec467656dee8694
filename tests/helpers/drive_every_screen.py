"""Opens every screen of the app, in the interpreter it is started in; says which heavy modules were imported.

Run by test_light.py: python -m tests.helpers.drive_every_screen FOLDER
"""

import sys
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import OptionList, Static, TabbedContent

from tem_rf_tui.app import TemRfApp
from tem_rf_tui.screens import SCREENS
from tem_rf_tui.widgets.row_table import RowTable
from tests.helpers.app import WIDE, drive, until

HEAVY = {"tensorflow", "keras", "jax", "torch"}
_seen: set[str] = set()


async def every_screen(app: TemRfApp, pilot: Pilot[None]) -> None:
    """Press the keys that lead to each screen, and wait for what is read in the background."""

    async def press(*keys: str, until_holds: Callable[[], bool] = lambda: True) -> None:
        await pilot.press(*keys)
        await until(pilot, until_holds, seconds=60)
        _seen.update(type(screen).__name__ for screen in (app.screen, *app.query("TabScreen")))

    def is_open(name: str) -> Callable[[], bool]:
        return lambda: type(app.screen).__name__ == name

    def shows(view: str) -> Callable[[], bool]:
        return lambda: app.query_one("#views", TabbedContent).active == view

    def says(selector: str, words: str = "") -> Callable[[], bool]:
        return lambda: words in (text := str(app.screen.query_one(selector, Static).render())) and bool(text)

    async def dialog(key: str, name: str, ready: Callable[[], bool] = lambda: True) -> None:
        await press(key, until_holds=lambda: is_open(name)() and ready())
        await press("escape", until_holds=lambda: not is_open(name)())

    await press("1", until_holds=says("#place-facts", "patches of"))
    await press("full_stop", "u")
    await dialog("s", "CommandForm")
    await dialog("f", "CommandForm")
    await dialog("b", "BrowseScreen", says("#summary"))
    places = app.query_one("#places", OptionList)
    places.highlighted = places.option_count - 1
    await press(until_holds=says("#place-facts", "with a label"))
    await dialog("m", "CommandForm")

    await press("2", "a", "v", until_holds=lambda: bool(app.query("#numbers")))

    await press("3", until_holds=lambda: bool(app.query("RunTable")))
    for view in ("samples", "log", "settings", "machine", "curves"):
        await press("v", until_holds=shows(view))
    await dialog("n", "NewTrainingScreen", says("#summary", "one run"))
    await dialog("e", "CommandForm")
    await dialog("m", "AboutRunScreen")
    await dialog("L", "ReportScreen")
    await dialog("D", "QuestionScreen")
    await dialog("M", "MachineScreen")
    await dialog("i", "GuideScreen", says("#steps"))

    await press("4", until_holds=says("#study-headline"))
    await press("v", "v", "v", "o", "d")
    await dialog("n", "NewStudyScreen", says("#summary"))

    await press("5", until_holds=lambda: bool(app.query_one("ResultsScreen RowTable", RowTable).rows))
    await press("o", "y", "enter", until_holds=is_open("ImageScoresScreen"))
    await press("enter", until_holds=is_open("ImageErrorsScreen"))
    await press(
        until_holds=lambda: not (says("#network-text", "Computing …")() or says("#fourier-text", "Computing …")())
    )
    await press("escape", "escape", "g")

    await press("6", until_holds=says("#particle-summary", "particles"))
    await press("h", "v", "v")
    await dialog("s", "CommandForm")
    await dialog("f", "SegmentedScreen", says("#segmented-particle", "particles"))
    await press("c", until_holds=is_open("EditLabelScreen"))
    await press("d", "q", until_holds=is_open("ChoiceScreen"))
    await press("escape", until_holds=is_open("EditLabelScreen"))
    await press("w", "q", until_holds=lambda: not is_open("EditLabelScreen")())
    await pilot.resize_terminal(60, 18)
    await press(until_holds=is_open("TooSmallScreen"))
    await pilot.resize_terminal(*WIDE)
    await press(until_holds=lambda: not is_open("TooSmallScreen")())

    await dialog("question_mark", "HelpScreen")
    await dialog("j", "JobsScreen")
    await press("t", "t")
    assert len(app.query("TabScreen")) == len(SCREENS)


if __name__ == "__main__":
    drive(Path(sys.argv[1]), every_screen, size=WIDE)
    print(*sorted(_seen))
    print(*sorted(HEAVY & set(sys.modules)))
