"""How jobs end: a report with the problems first, an honest word, and where it is shown."""

import asyncio
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Static

from tem_rf_tui.app import TemRfApp
from tem_rf_tui.check_report import check_report
from tem_rf_tui.help import HelpScreen
from tem_rf_tui.jobs import Job
from tem_rf_tui.screens.jobs import JobsScreen
from tem_rf_tui.screens.report import ReportScreen
from tem_rf_tui.screens.too_small import TooSmallScreen
from tem_rf_tui.widgets.job_line import progress_text
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.text_lines import TextLines
from tests.helpers.app import NARROW, drive, screen_text, told, until
from tests.helpers.workspaces import finished_job

_PAIR = {
    "image": "raw/a.tif", "label": "raw/a_mask.tif", "frames": 1, "height_px": 64, "width_px": 64,
    "pixel_size_nm": 0.02, "particle_fraction": 0.2, "notes": ["was read as 8-bit"],
}  # fmt: skip
_CHECK = {
    "pairs": [{**_PAIR, "image": f"raw/{number:02}.tif"} for number in range(40)],
    "problems": [{"path": "raw/b.tif", "reason": "is truncated"}, {"path": "raw/c.tif", "reason": "is empty"}],
    "notes": [],
    "ok": False,
}


def test_a_check_opens_its_report_with_the_problems_first_and_every_line_can_be_reached(
    folder: Path, tmp_path: Path
) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: app._ended is not None)
        finished_job(folder, tmp_path / "state", "check raw", _CHECK, code=1)
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await until(pilot, lambda: "check raw: 2 problems, 40 usable micrographs" in screen_text(app))
        text = screen_text(app)
        assert text.index("b.tif: is truncated") < text.index("note: 00.tif and 39 more") < text.index("✓ 00.tif")
        await pilot.press("end")
        await until(pilot, lambda: "✓ 39.tif" in screen_text(app))
        await pilot.press("escape", "j")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await until(pilot, lambda: bool(app.screen.query("#jobs")))
        await pilot.pause(0.2)
        assert "x Stop" not in str(app.screen.query_one(KeyLine).render())  # it has ended
        assert "2 problems, 40 usable micrographs" in screen_text(app)
        await pilot.press("enter")  # again, from the list of jobs
        assert isinstance(app.screen, ReportScreen)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.pause(0.2)
        assert "Here: Reports and output" in screen_text(app)

    drive(folder, script)


def test_a_search_has_a_next_line_only_after_something_was_searched(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        report = ReportScreen("words", ["one", "two", "one"])
        app.push_screen(report)
        await until(pilot, lambda: bool(report.query(KeyLine)))
        keys = report.query_one(KeyLine)
        await until(pilot, lambda: "/ Search" in str(keys.render()))
        assert "n Next" not in str(keys.render())
        await pilot.press("slash", *"one", "enter")
        await until(pilot, lambda: "n Next" in str(keys.render()))
        assert "2 lines" in screen_text(app)

    drive(folder, script)


def test_the_table_of_a_command_is_not_torn_apart(folder: Path, tmp_path: Path) -> None:
    head, row = "┏" + "━" * 100 + "┓", "┃" + " " * 98 + "7 ┃"

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: app._ended is not None)
        job = finished_job(folder, tmp_path / "state", "particles segmented", None)
        (job / "output.txt").write_text(f"{head}\n{row}\n")
        await until(pilot, lambda: "particles segmented: done" in told(app))
        await pilot.press("j")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await until(pilot, lambda: bool(app.screen.query("#job-output Static")))
        output = app.screen.query_one("#job-output Static", Static)
        await until(pilot, lambda: output.size.height == 2)  # a line each
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        text = app.screen.query_one(TextLines)
        await until(pilot, lambda: text.virtual_size.height == 2)
        await pilot.press("end", *["right"] * 60)
        await until(pilot, lambda: "7 ┃" in screen_text(app))

    drive(folder, script)


def test_a_command_that_only_launches_says_so(folder: Path, tmp_path: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: app._ended is not None)
        finished_job(folder, tmp_path / "state", "study study-1", None, ending="launched; it runs in the background")
        await until(pilot, lambda: "study study-1: launched; it runs in the background" in told(app))

    drive(folder, script)


def test_no_message_covers_the_job_line_or_the_scale_bar(folder: Path) -> None:
    async def run() -> None:
        app = TemRfApp(folder)
        async with app.run_test(size=NARROW, notifications=True) as pilot:
            await until(pilot, lambda: bool(app.query("TabScreen")))
            app.notify("a message of several lines " * 5)
            await until(pilot, lambda: bool(app.screen.query("Toast")))
            await until(pilot, lambda: app.screen.query_one("Toast").region.height > 0)
            below = app.size.height - app.screen.query_one("Toast").region.bottom
            assert below >= 4  # key line, job line, frame and scale bar of a picture

    asyncio.run(run())


def test_no_word_of_the_progress_of_a_job_is_cut(tmp_path: Path) -> None:
    line = "downloading " + "a long name " * 10
    assert progress_text(Job(tmp_path, "fetch", "running", line, None, 0.0, 1)) == line


def test_a_check_without_problems_says_so() -> None:
    report = check_report({**_CHECK, "problems": [], "pairs": [_PAIR], "ok": True})
    assert report is not None
    assert report.headline == "no problems, 1 usable micrograph"
    assert check_report({"image": "a.tif"}) is None


def test_a_terminal_that_is_too_small_is_said_to_be_until_it_is_enlarged(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: isinstance(app.screen, TooSmallScreen))
        assert "60 x 18 characters; the app needs 80 x 20" in str(app.screen.query_one(Static).render())
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not isinstance(app.screen, TooSmallScreen))

    drive(folder, script, size=(60, 18))
