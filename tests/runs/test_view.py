"""Runs are followed as their events grow."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tem_rf.errors import RunError
from tem_rf.runs import RunFolder
from tem_rf.runs.events import NoticeEvent, StatusEvent, StepEvent
from tem_rf.runs.view import RunTracker, view_run
from tests.helpers.app import epoch, make_run

_HOLD = """
import sys, time
from pathlib import Path
from tem_rf.runs import RunFolder
from tem_rf.runs.process import claim
with claim(RunFolder(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "work"


def test_a_folder_that_is_not_there_has_no_runs(folder: Path) -> None:
    assert RunTracker(folder / "runs").poll() == []


def test_a_run_that_did_not_change_is_the_same_object(folder: Path) -> None:
    make_run(folder, "a")
    tracker = RunTracker(folder)
    (before,), (after,) = tracker.poll(), tracker.poll()
    assert after is before


def test_new_epochs_are_appended_to_those_that_were_read(folder: Path) -> None:
    run = make_run(folder, "a", epochs=2, total=5, state="stopped")
    tracker = RunTracker(folder)
    tracker.poll()
    run.event_log().write(epoch(3, 5))
    (tracked,) = tracker.poll()
    assert [each.epoch for each in tracked.epochs] == [1, 2, 3]
    assert tracked.best is not None
    assert tracked.best.epoch == 3


def test_half_a_line_waits_for_its_other_half(folder: Path) -> None:
    run = make_run(folder, "a", epochs=1, total=5, state="stopped")
    tracker = RunTracker(folder)
    tracker.poll()
    line = epoch(2, 5).model_dump_json().encode()
    with run.events_file.open("ab") as file:
        file.write(line[:40])
    assert len(tracker.poll()[0].epochs) == 1
    with run.events_file.open("ab") as file:
        file.write(line[40:] + b"\n")
    assert len(tracker.poll()[0].epochs) == 2


def test_events_that_begin_anew_replace_what_was_read(folder: Path) -> None:
    run = make_run(folder, "a", epochs=5)
    tracker = RunTracker(folder)
    tracker.poll()
    run.events_file.write_text(epoch(1, 5).model_dump_json() + "\n")
    assert [each.epoch for each in tracker.poll()[0].epochs] == [1]


def test_a_removed_run_is_gone(folder: Path) -> None:
    run = make_run(folder, "a")
    make_run(folder, "b")
    tracker = RunTracker(folder)
    tracker.poll()
    shutil.rmtree(run.path)
    assert [each.run.name for each in tracker.poll()] == ["b"]


def test_a_damaged_configuration_is_said_in_words(folder: Path) -> None:
    make_run(folder, "a").config_file.write_text("{")
    (tracked,) = RunTracker(folder).poll()
    assert tracked.state == "unreadable"
    assert "config.json" in tracked.detail


def test_a_run_whose_process_was_killed_is_killed(folder: Path) -> None:
    run = make_run(folder, "a", epochs=1, state="running")
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(run.path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        tracker = RunTracker(folder)
        assert tracker.poll()[0].state == "running"
        holder.kill()
        holder.wait()
        assert tracker.poll()[0].state == "killed"
    finally:
        holder.kill()
        holder.communicate()


def test_time_left_counts_the_steps_of_the_epoch_in_hand(folder: Path) -> None:
    run = make_run(folder, "a", epochs=1, total=3, state="running")
    step = StepEvent(epoch=2, step=5, steps=10, loss=0.5, patches_per_s=80, input_wait=0)
    run.event_log().write(step)
    (tracked,) = RunTracker(folder).poll()
    assert tracked.seconds_left is None  # killed: nothing is left to wait for
    running = type(tracked)(tracked.run, "running", config=tracked.config, epochs=tracked.epochs, step=tracked.step)
    assert running.seconds_left == 15.0  # of two epochs of 10 s, half of one is done
    assert running.patches_per_s == 80


def test_only_the_last_notices_are_kept(folder: Path) -> None:
    run = make_run(folder, "a")
    log = run.event_log()
    for number in range(300):
        log.write(NoticeEvent(message=str(number)))
    (tracked,) = RunTracker(folder).poll()
    assert len(tracked.happenings) == 200
    assert tracked.happenings[-1].message == "299"


def test_one_look_sees_what_a_tracker_sees(folder: Path) -> None:
    run = make_run(folder, "a", epochs=2, total=5, state="stopped")
    assert view_run(run) == RunTracker(folder).poll()[0]
    with pytest.raises(RunError, match="contains no run"):
        view_run(RunFolder(folder / "nowhere"))


def test_scripts_get_state_progress_and_best_score(folder: Path) -> None:
    run = make_run(folder, "a", epochs=2, total=5, state="stopped")
    assert view_run(run).to_json() == {
        "run": str(run.path),
        "state": "stopped",
        "epochs_done": 2,
        "epochs": 5,
        "seconds_left": None,
        "best_epoch": 2,
        "best_validation_hard_dice": pytest.approx(0.65),
        "note": "",
        "tags": [],
    }


def test_an_epoch_computed_again_after_a_restart_counts_once(folder: Path) -> None:
    run = make_run(folder, "a", epochs=2, total=5, state="stopped")
    for event in (StatusEvent(state="running"), epoch(2, 5), epoch(3, 5)):
        run.event_log().write(event)
    assert [each.epoch for each in view_run(run).epochs] == [1, 2, 3]
