"""What has ended is announced once, with the bell and a notification unless they are off."""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tem_rf.jobs.settings import save_settings
from tem_rf.runs import process
from tem_rf.runs.events import StatusEvent
from tem_rf.runs.view import RunTracker
from tem_rf_tui.announcements import AlarmWatch, EndingWatch, escape_sequences
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.jobs import Job
from tests.helpers.app import drive, make_run, told, until


def test_only_what_ends_while_the_app_looks_is_news(tmp_path: Path) -> None:
    make_run(tmp_path, "old")
    run = make_run(tmp_path, "a", state="running")
    tracker, watch = RunTracker(tmp_path), EndingWatch()
    with process.claim(run):
        assert watch.news(tracker.poll(), []) == []
        run.event_log().write(StatusEvent(state="paused", detail="the disk is full; resumes automatically"))
        (waiting,) = watch.news(tracker.poll(), [])
        assert waiting.text == "run a: waits for space on the disk"
        run.event_log().write(StatusEvent(state="running"))
        assert watch.news(tracker.poll(), []) == []
    (killed,) = watch.news(tracker.poll(), [])  # its process is gone
    assert (killed.text, killed.is_bad) == ("run a: was killed", True)
    assert watch.news(tracker.poll(), []) == []


def test_alarms_of_a_followed_folder_are_news_once(tmp_path: Path) -> None:
    (tmp_path / "progress.txt").write_text("Alarm: 1.tif: old\n")
    job, watch = Job(tmp_path, "segment movies", "running", "", None, 0.0, 1), AlarmWatch()
    assert watch.news([job]) == []
    with (tmp_path / "progress.txt").open("a") as file:
        file.write("2.tif: 3 particles\nAlarm: 3.tif: the specimen moved\n")
    (alarm,) = watch.news([job])
    assert (alarm.text, alarm.is_bad) == ("segment movies: Alarm: 3.tif: the specimen moved", True)
    assert watch.news([job]) == []


@pytest.mark.parametrize("is_on", [True, False])
def test_a_run_that_ends_rings_the_bell_unless_it_is_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch, is_on: bool
) -> None:
    save_settings({"bell": is_on})
    run, rung = make_run(folder / "runs", "a", state="running"), []
    monkeypatch.setattr("textual.app.App.bell", lambda app: rung.append(app))

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: app._ended is not None)  # the first look at runs and jobs
        await pilot.pause(0.3)
        run.event_log().write(StatusEvent(state="finished"))
        await until(pilot, lambda: "run a: finished" in told(app))
        assert bool(rung) == is_on

    with process.claim(run):
        drive(folder, script)


def test_a_notification_cannot_smuggle_codes_and_passes_through_tmux() -> None:
    codes: Any = escape_sequences("a\x1b]0;title\x07", {})
    assert codes.count("\x1b]") == 2
    assert "\x07" not in codes
    assert escape_sequences("a", {"TMUX": "/tmp/tmux"}).startswith("\x1bPtmux;\x1b\x1b]9;a")
