"""Commands are processes of their own, found again by another app."""

import os
import time
from pathlib import Path

import pytest

from tem_rf.errors import RunError, StorageError
from tem_rf_tui.jobs import Job, JobBoard


def _wait(board: JobBoard) -> Job:
    for _ in range(600):
        (job,) = board.poll()
        if job.state != "running":
            return job
        time.sleep(0.05)
    raise AssertionError("it never ended")


def test_the_result_of_a_command_is_found_by_another_board(tmp_path: Path) -> None:
    board = JobBoard(tmp_path / "jobs", tmp_path)
    board.start("field", ["rf", "show", "n2-p44", "--json"])
    assert _wait(board).state == "done"
    (job,) = JobBoard(tmp_path / "jobs", tmp_path).poll()
    assert job.title == "field"
    assert job.result()["equation_size_px"] == 120


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    board = JobBoard(tmp_path / "jobs", tmp_path)
    board.start("field", ["rf", "show", "n2-p4"])
    job = _wait(board)
    assert job.state == "failed"
    assert "depth 2 needs 2 pooling sizes" in job.messages[-1]
    assert job.result() is None
    with pytest.raises(RunError, match="has already ended"):
        job.cancel()


def test_jobs_of_another_folder_are_not_shown(tmp_path: Path) -> None:
    board = JobBoard(tmp_path / "jobs", tmp_path)
    board.start("field", ["--help"])
    _wait(board)
    assert JobBoard(tmp_path / "jobs", tmp_path / "elsewhere").poll() == []


@pytest.fixture
def sleeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands say one line and sleep."""
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\necho waiting >&2\nsleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr("tem_rf_tui.jobs.sys.executable", str(sleeper))


def test_a_command_that_runs_can_be_ended(tmp_path: Path, sleeping: None) -> None:
    board = JobBoard(tmp_path / "jobs", tmp_path)
    board.start("sleep", [])
    for _ in range(100):
        (job,) = board.poll()
        if job.line == "waiting":
            break
        time.sleep(0.05)
    assert os.getsid(job.process_id) == job.process_id  # a hang-up of the terminal does not reach it
    job.cancel()
    assert _wait(board).state == "lost"


def test_a_command_that_ends_well_when_asked_to_is_done(tmp_path: Path, sleeping: None) -> None:
    (tmp_path / "sleeper").write_text("#!/bin/sh\ntrap 'exit 0' TERM\necho waiting >&2\nsleep 60 &\nwait\n")
    board = JobBoard(tmp_path / "jobs", tmp_path)
    board.start("follow", [])
    for _ in range(100):
        (job,) = board.poll()
        if job.line == "waiting":
            break
        time.sleep(0.05)
    job.cancel()
    assert _wait(board).state == "done"


def test_progress_is_read_from_the_bar_as_a_terminal_shows_it(tmp_path: Path) -> None:
    board = JobBoard(tmp_path / "jobs", tmp_path)
    folder = board.start("field", ["--help"])
    _wait(board)
    bar = "\x1b[2Kpreparing \x1b[31m━━━━\x1b[0m 1/6\r\x1b[2Kpreparing ━━━━ 3/6"
    (folder / "progress.txt").write_text(bar)
    (job,) = board.poll()
    assert job.line == "preparing ━━━━ 3/6"
    assert job.fraction == 0.5


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        ("⠧ writing the report", "writing the report"),
        ("⠧", ""),
        ("⠧ following live: 2 files, 0 waiting", "following live: 2 files, 0 waiting"),
        ("\x1b[2KPreparing \x1b[38;5", "Preparing"),  # the disk was full
        ("a\x07b\x1bc: is damaged", "abc: is damaged"),
    ],
)
def test_the_last_line_holds_words_alone(tmp_path: Path, progress: str, line: str) -> None:
    board = JobBoard(tmp_path / "jobs", tmp_path)
    folder = board.start("field", ["--help"])
    _wait(board)
    (folder / "progress.txt").write_text(progress)
    assert board.poll()[0].line == line


def test_a_place_that_cannot_be_written_to_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file stands in the way")
    with pytest.raises(StorageError, match="nothing was started"):
        JobBoard(tmp_path / "jobs", tmp_path).start("field", ["--help"])


def test_damaged_job_folders_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "jobs" / "1").mkdir(parents=True)
    (tmp_path / "jobs" / "1" / "job.json").write_text("{")
    assert JobBoard(tmp_path / "jobs", tmp_path).poll() == []
