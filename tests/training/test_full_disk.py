"""A training on a full disk waits for room, and ends in the bits of one that never had to."""

import errno
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tem_rf.errors import DiskFullError
from tem_rf.runs import RunFolder, process
from tem_rf.runs import interruption as full_disk
from tem_rf.runs.events import EpochEvent, Event, StatusEvent, StepEvent, epochs
from tem_rf.training import reporting as pace
from tem_rf.training.train import train
from tests.helpers.outcome import final_state, without_times
from tests.helpers.run_folders import new_run

MEGABYTE = 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={4 * MEGABYTE}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(autouse=True)
def without_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_disk, "POLL_S", 0.01)
    monkeypatch.setattr(pace, "STEP_EVENT_INTERVAL_S", 0.0)


def fill(path: Path) -> None:
    """Write a file until there is no room for another byte."""
    with path.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096, 1):
            with suppress(OSError):
                while file.write(b"\0" * size) == size:
                    pass


@pytest.mark.parametrize("kind", [StepEvent, EpochEvent], ids=["before the model", "before the checkpoint"])
def test_a_training_waits_for_room_and_ends_in_the_same_bits(
    trained_run: RunFolder, tiny_dataset: Path, small_disk: Path, kind: Any
) -> None:
    run = new_run(tiny_dataset, small_disk / "run")
    filler, is_filled = small_disk / "filler", False

    def fill_once_and_make_room_when_paused(event: Event) -> None:
        nonlocal is_filled
        if isinstance(event, kind) and event.epoch == 2 and not is_filled:
            fill(filler)
            is_filled = True
        if isinstance(event, StatusEvent) and event.state == "paused":
            assert "no space left on the disk" in event.detail
            filler.unlink()

    assert train(run, listener=fill_once_and_make_room_when_paused).state == "finished"
    assert final_state(run) == final_state(trained_run)
    assert without_times(epochs(run.events())) == without_times(epochs(trained_run.events()))
    states = [event.state for event in run.events() if isinstance(event, StatusEvent)]
    assert states == ["starting", "running", "paused", "running", "finished"]


def test_a_training_that_waits_for_room_can_be_stopped_and_goes_on_later(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tiny_dataset, tmp_path / "run")

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def stop_when_paused(event: Event) -> None:
        if isinstance(event, StatusEvent) and event.state == "paused":
            process.ask(run, "stop")

    with monkeypatch.context() as patched:
        patched.setattr("tem_rf.training.state.np.savez", full)
        with pytest.raises(DiskFullError, match=r"000001-000000\.npz: no space left on the disk"):
            train(run, listener=stop_when_paused)
    train(RunFolder.open(run.path))
    assert final_state(run) == final_state(trained_run)
