"""Notes, tags, new names, the archive and deletion of runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tem_rf.errors import RunError
from tem_rf.jobs import keep_runs
from tem_rf.jobs.queue import QueuedRun, TrainingQueue
from tem_rf.runs import RunFolder, process
from tem_rf.runs.notes import read_notes, write_notes
from tem_rf.runs.root import list_runs
from tem_rf.runs.view import RunTracker
from tests.helpers.app import epoch, make_run


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """A folder of runs that is in a folder of its own: a `study.toml` beside it would make it the folder of a study."""
    return tmp_path / "work" / "runs"


def test_note_and_tags_are_seen_by_whoever_follows_the_run(tmp_path: Path) -> None:
    run, tracker = make_run(tmp_path, "a"), RunTracker(tmp_path)
    (before,) = tracker.poll()
    write_notes(run, tags=["paper", "best"])
    write_notes(run, note=" drifting ")
    (after,) = tracker.poll()
    assert (before.notes.tags, after.notes.tags, after.notes.note) == ((), ("best", "paper"), "drifting")
    assert tracker.poll()[0] is after
    assert after.to_json()["tags"] == ["best", "paper"]


def test_a_tag_is_one_word_and_damaged_notes_are_not_overwritten(tmp_path: Path) -> None:
    run = make_run(tmp_path, "a")
    with pytest.raises(RunError, match="one word"):
        write_notes(run, tags=["two words"])
    run.notes_file.write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        write_notes(run, note="new")
    assert run.notes_file.read_text() == "{"


def test_a_run_is_renamed_archived_restored_and_deleted(tmp_path: Path) -> None:
    run = make_run(tmp_path, "a")
    write_notes(run, note="mine")
    renamed = keep_runs.rename_run(run, "b")
    (archived,) = keep_runs.archive_runs([renamed])
    assert list_runs(tmp_path) == []
    assert read_notes(archived).note == "mine"
    (restored,) = keep_runs.restore_runs(["b"], tmp_path)
    assert [each.name for each in list_runs(tmp_path)] == ["b"]
    keep_runs.delete_runs([restored])
    assert list_runs(tmp_path) == []
    assert not list(tmp_path.glob(".deleted*"))


@pytest.mark.parametrize("action", ["delete", "archive", "rename"])
def test_a_run_that_trains_or_waits_is_left_alone(tmp_path: Path, action: str) -> None:
    training, waiting, idle = (make_run(tmp_path, name) for name in ("a", "b", "c"))
    actions: dict[str, Callable[[list[RunFolder]], object]] = {
        "delete": keep_runs.delete_runs,
        "archive": keep_runs.archive_runs,
        "rename": lambda runs: keep_runs.rename_run(runs[-1], "new"),
    }
    queue = TrainingQueue.of(tmp_path)
    with queue.editing() as content:
        content.waiting.append(QueuedRun(run="b", environment={}))
    with process.claim(training):
        with pytest.raises(RunError, match="is training this run"):
            actions[action]([idle, training])
        with pytest.raises(RunError, match="is waiting in the queue"):
            actions[action]([idle, waiting])
    assert [each.name for each in list_runs(tmp_path)] == ["a", "b", "c"]  # the idle one, too


def test_names_that_are_taken_or_no_names_are_refused_and_so_is_a_run_of_a_study(tmp_path: Path) -> None:
    run = make_run(tmp_path / "study" / "runs", "a")
    make_run(tmp_path / "study" / "runs", "b")
    for name in ("b", "a b", "../b", ".b", "archive"):
        with pytest.raises(RunError):
            keep_runs.rename_run(run, name)
    (tmp_path / "study" / "study.toml").write_text("")
    with pytest.raises(RunError, match="belongs to the study study"):
        keep_runs.delete_runs([run])
    assert run.config_file.exists()


def test_between_complete_looks_only_live_runs_are_read(tmp_path: Path) -> None:
    make_run(tmp_path, "ended")
    live, tracker = make_run(tmp_path, "live", epochs=1, state="running"), RunTracker(tmp_path)
    with process.claim(live):
        before = {view.run.name: view for view in tracker.poll()}
        make_run(tmp_path, "new")
        live.event_log().write(epoch(2, 5))
        now = {view.run.name: view for view in tracker.poll(only_live=True)}
        assert (len(now["live"].epochs), now["ended"] is before["ended"], "new" in now) == (2, True, False)
        assert "new" in {view.run.name for view in tracker.poll()}
