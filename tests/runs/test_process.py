"""One process at a time trains a run, and its state is known from outside even when it was killed."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tem_rf import platforms
from tem_rf.errors import PlatformError, RunError, StorageError
from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import StatusEvent
from tests.helpers.waiting import wait_for

HOLD = """
import sys, time
from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import StatusEvent
run = RunFolder.open(sys.argv[1])
with process.claim(run):
    run.event_log().write(StatusEvent(state="running"))
    print("claimed", flush=True)
    time.sleep(60)
"""
DETACH = """
import sys
from tem_rf.runs import RunFolder, process
run = RunFolder.open(sys.argv[1])
process.mark_queued(run)
process.start_detached(run, "--evaluate")
"""


@pytest.fixture
def holder(run: RunFolder) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLD, run.path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "claimed\n"
        yield child
        child.kill()


def test_a_second_process_is_refused_and_told_who_has_the_run(run: RunFolder, holder: subprocess.Popen[str]) -> None:
    assert process.is_alive(run)
    with pytest.raises(RunError, match=f"process {holder.pid} on .* is training this run"), process.claim(run):
        pass


def test_a_run_whose_process_was_killed_is_known_as_killed_and_can_be_claimed(
    run: RunFolder, holder: subprocess.Popen[str]
) -> None:
    assert process.state(run) == "running"
    holder.kill()
    holder.wait()
    assert process.state(run) == "killed"
    with process.claim(run):
        assert process.is_alive(run)


def test_a_queued_run_whose_process_ended_before_it_began_is_known_as_killed(run: RunFolder) -> None:
    process.mark_queued(run)
    with subprocess.Popen(["sleep", "60"]) as child:
        process.record_process(run, child.pid, ["sleep", "60"])
        assert process.state(run) == "queued"
        child.kill()
        wait_for(lambda: process.state(run) == "killed")  # a zombie
    assert process.state(run) == "killed"
    process.mark_queued(run)
    assert process.state(run) == "queued"


def test_a_detached_run_that_cannot_begin_says_why(run: RunFolder) -> None:
    subprocess.run([sys.executable, "-c", DETACH, run.path], check=True)
    wait_for(lambda: process.state(run) in ("failed", "killed"))
    assert process.state(run) == "failed"
    assert "au 5nm: is not a dataset" in run.events()[-1].detail


def test_a_failure_of_somebody_else_leaves_the_state_of_a_run_that_is_not_queued(run: RunFolder) -> None:
    run.event_log().write(StatusEvent(state="finished"))
    with pytest.raises(RunError), process.failure_in_events(run):
        raise RunError("no test images")
    assert process.state(run) == "finished"


def test_a_request_reaches_the_process_and_does_not_outlive_it(run: RunFolder) -> None:
    with process.claim(run):
        process.ask(run, "pause")
        assert process.requested(run) == "pause"
        process.clear_request(run)
        assert process.requested(run) is None
        process.ask(run, "stop")
    with process.claim(run):
        assert process.requested(run) is None


def test_nobody_can_be_asked_where_no_process_trains(run: RunFolder) -> None:
    run.event_log().write(StatusEvent(state="finished"))
    with pytest.raises(RunError, match=r"no process is training this run \(it is finished\)"):
        process.ask(run, "stop")


def test_a_new_run_is_new(run: RunFolder) -> None:
    assert process.state(run) == "new"


def test_whoever_takes_a_run_over_removes_what_killed_writers_left(run: RunFolder) -> None:
    run.checkpoint_folder.mkdir()
    left = [run.checkpoint_folder / ".000001-000000.abcd_123.npz", run.path / ".model.abcd_123.keras"]
    kept = [run.checkpoint_folder / "000001-000000.npz", run.path / ".request.abcd_123.json"]
    for path in left + kept:
        path.touch()
    with process.claim(run):
        assert [path.exists() for path in left + kept] == [False, False, True, True]


def test_what_needs_sessions_is_refused_without_them(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "HAS_SESSIONS", False)
    with pytest.raises(PlatformError, match=r"needs Linux or macOS, .* install tem-rf in WSL2"):
        process.start_detached(run)


def test_a_run_is_refused_where_files_cannot_be_locked(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(process, "lock_file", refuse)
    with pytest.raises(StorageError, match=r"files cannot be locked here .* use a local disk"), process.claim(run):
        pytest.fail("it was claimed")
