"""Runs of a folder train one per device, whatever happens to the queue, to a training or to a folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tem_rf import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.training import training_settings
from tem_rf.errors import DiskFullError, RunError
from tem_rf.jobs import launch
from tem_rf.jobs.queue import QueueContent, QueuedRun, TrainingQueue
from tem_rf.runs import RunConfig, RunFolder, process
from tem_rf.runs.events import NoticeEvent
from tem_rf.runs.owned_folder import OwnedFolder
from tests.helpers.waiting import wait_for

HELPERS = Path(__file__).parents[1] / "helpers"
RUNNER = (sys.executable, str(HELPERS / "held_queue.py"))
ADD = """
import sys
from pathlib import Path
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.runs import RunFolder
root = Path(sys.argv[1])
sys.stdin.readline()
TrainingQueue.of(root, sys.argv[2:4]).add([RunFolder(root / name) for name in sys.argv[4:]])
"""


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A queue on a machine without a GPU, whose trainings end when a test says so."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("GPUS", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(launch, "installed_gpus", lambda: tuple(os.environ["GPUS"].split()))
    queue = TrainingQueue.of(tmp_path / "runs", RUNNER)
    yield queue
    for folder in [queue, *(RunFolder(path) for path in queue.root.glob("*"))]:
        if process.has_process(folder):
            _kill(folder)


def new_run(root: Path, name: str) -> RunFolder:
    config = RunConfig(
        dataset=Path("/data/au 5nm"),
        dataset_sha256="0" * 64,
        pixel_size_nm=0.02,
        preprocessing=PreprocessingSettings(),
        architecture=Architecture((2, 4)),
        training=training_settings("paper", epochs=3),
        seed=752,
    )
    return RunFolder.create_or_open(root / name, config)


def new_runs(queue: TrainingQueue, names: str) -> list[RunFolder]:
    return [new_run(queue.root, name) for name in names]


def end(run: RunFolder, state: str = "finished") -> None:
    """Let a training end."""
    (run.path / "end").write_text(state)


def _kill(folder: OwnedFolder) -> None:
    """What `kill -9` does; waits until the process is gone."""
    about = process.read_process(folder)
    os.kill(about.pid, signal.SIGKILL)
    wait_for(lambda: process.has_ended(about.pid, about.create_time))


def states(runs: list[RunFolder]) -> list[str]:
    return [process.state(run) for run in runs]


def wait_for_states(runs: list[RunFolder], *wanted: str) -> None:
    wait_for(lambda: states(runs) == [*wanted])


def notices(queue: TrainingQueue) -> list[str]:
    return [event.message for event in queue.events() if isinstance(event, NoticeEvent)]


def test_one_trains_and_the_next_starts_when_it_ends_fails_is_stopped_or_is_killed(queue: Any) -> None:
    runs = a, b, c, d, e = new_runs(queue, "abcde")
    queue.add(runs)
    wait_for_states(runs, "running", "queued", "queued", "queued", "queued")
    end(a)
    wait_for_states(runs, "finished", "running", "queued", "queued", "queued")
    end(b, "failed")
    wait_for_states(runs, "finished", "failed", "running", "queued", "queued")
    process.ask(c, "stop")
    wait_for_states(runs, "finished", "failed", "stopped", "running", "queued")
    _kill(d)
    wait_for_states(runs, "finished", "failed", "stopped", "killed", "running")
    end(e)
    wait_for(lambda: queue.view().state == "idle")
    wait_for(lambda: not process.has_process(queue))
    assert queue.read() == QueueContent()
    assert notices(queue)[:2] == ["a: started on CPU", "a: finished"]
    assert "d: killed" in notices(queue)


def test_the_queue_and_its_trainings_are_sessions_of_their_own(queue: Any) -> None:
    (run,) = new_runs(queue, "a")
    queue.add([run])
    wait_for_states([run], "running")
    pids = [process.read_process(folder).pid for folder in (queue, run)]
    assert [os.getsid(pid) for pid in pids] == pids


def test_a_killed_queue_is_seen_and_goes_on_with_the_trainings_that_survived_it(queue: Any) -> None:
    runs = a, b = new_runs(queue, "ab")
    queue.add(runs)
    wait_for_states(runs, "running", "queued")
    wait_for(lambda: process.read_process(b) is not None)
    _kill(queue)
    assert states(runs) == ["running", "killed"]  # b waits for nothing
    view = queue.view()
    assert (view.state, [entry.run for entry, _ in view.training], len(view.waiting)) == ("killed", ["a"], 1)
    training = process.read_process(a)
    queue.resume()
    wait_for_states(runs, "running", "queued")
    assert process.read_process(a) == training
    end(a)
    wait_for_states(runs, "finished", "running")
    with pytest.raises(RunError, match="works through the queue of this folder already"):
        queue.resume()


def test_a_training_that_was_killed_with_the_queue_goes_on_first(queue: Any) -> None:
    runs = a, _ = new_runs(queue, "ab")
    queue.add(runs)
    wait_for_states(runs, "running", "queued")
    _kill(queue)
    _kill(a)
    queue.resume()
    wait_for_states(runs, "running", "queued")


def test_adding_to_a_killed_queue_lets_it_go_on(queue: Any) -> None:
    a, b, c = new_runs(queue, "abc")
    queue.add([a, b])
    wait_for_states([a, b], "running", "queued")
    _kill(queue)
    end(a)
    wait_for_states([a], "finished")
    queue.add([c])
    wait_for_states([a, b, c], "finished", "running", "queued")


def test_a_stopped_queue_starts_nothing_until_it_is_resumed(queue: Any) -> None:
    runs = a, b, c = new_runs(queue, "abc")
    queue.add([a, b])
    wait_for_states([a, b], "running", "queued")
    queue.stop()
    wait_for(lambda: not process.has_process(queue))
    queue.add([c])
    assert not process.has_process(queue)
    end(a)
    wait_for_states(runs, "finished", "queued", "queued")
    assert queue.view().state == "stopped"
    queue.resume()
    wait_for_states(runs, "finished", "running", "queued")


def test_a_signal_stops_the_queue_as_the_command_does(queue: Any) -> None:
    runs = new_runs(queue, "ab")
    queue.add(runs)
    wait_for_states(runs, "running", "queued")
    os.kill(process.read_process(queue).pid, signal.SIGTERM)
    wait_for(lambda: not process.has_process(queue))
    assert queue.view().state == "stopped"
    assert states(runs) == ["running", "queued"]


def test_a_stopped_queue_in_which_nothing_waits_takes_new_runs(queue: Any) -> None:
    a, b = new_runs(queue, "ab")
    queue.add([a])
    wait_for_states([a], "running")
    queue.stop()
    wait_for(lambda: not process.has_process(queue))
    queue.add([b])
    wait_for(lambda: process.has_process(queue))
    end(a)
    wait_for_states([a, b], "finished", "running")


def test_several_processes_that_add_at_once_lose_no_run_and_start_one_queue(queue: Any) -> None:
    names = [f"r{number}" for number in range(9)]
    runs = [new_run(queue.root, name) for name in names]
    adders = [
        subprocess.Popen([sys.executable, "-c", ADD, str(queue.root), *RUNNER, *names[first::3]], stdin=subprocess.PIPE)
        for first in range(3)
    ]
    for adder in adders:
        adder.communicate(b"\n")
        assert adder.returncode == 0
    wait_for(lambda: sorted(states(runs)) == ["queued"] * 8 + ["running"])
    content = queue.read()
    assert sorted(entry.run for entry in content.training + content.waiting) == names
    runners = [each for each in psutil.process_iter(["cmdline"]) if str(queue.root) in (each.info["cmdline"] or [])]
    assert [each.pid for each in runners] == [process.read_process(queue).pid]
    assert "another" not in (queue.log_file.read_text())


def test_a_run_whose_folder_was_deleted_holds_up_nothing(queue: Any) -> None:
    runs = a, b, c = new_runs(queue, "abc")
    queue.add(runs)
    wait_for_states(runs, "running", "queued", "queued")
    wait_for(lambda: process.read_process(b) is not None)  # the queue writes nothing more into it
    shutil.rmtree(b.path)
    end(a)
    wait_for_states([a, c], "finished", "running")
    assert "b: its folder is gone, so it was removed from the queue" in notices(queue)
    assert not b.path.exists()


def test_deleting_the_folder_of_the_queue_ends_it_and_leaves_the_training_alone(queue: Any) -> None:
    (run,) = new_runs(queue, "a")
    queue.add([run])
    wait_for_states([run], "running")
    about = process.read_process(queue)

    def delete() -> bool:
        shutil.rmtree(queue.path, ignore_errors=True)  # the queue may be writing into it
        return process.has_ended(about.pid, about.create_time)

    wait_for(delete)
    assert (states([run]), queue.view().state) == (["running"], "idle")


def test_waiting_runs_are_moved_and_removed(queue: Any) -> None:
    runs = a, b, _c, _d = new_runs(queue, "abcd")
    queue.add(runs)
    wait_for_states(runs, "running", "queued", "queued", "queued")
    queue.move("d", 1)
    assert [entry.run for entry in queue.read().waiting] == ["d", "b", "c"]
    queue.move("d", 99)
    queue.move("c", 1)
    queue.remove("b")
    assert [entry.run for entry in queue.read().waiting] == ["c", "d"]
    assert b.events()[-1].detail == "removed from the queue"
    end(a)
    wait_for_states(runs, "finished", "stopped", "running", "queued")
    with pytest.raises(RunError, match=r"c: was started already; end it with `tem-rf stop"):
        queue.remove("c")
    with pytest.raises(RunError, match="x: does not wait in the queue"):
        queue.move("x", 1)
    with pytest.raises(RunError, match=r"`position`: expected 1 or more, received 0"):
        queue.move("d", 0)
    queue.add([b])
    wait_for_states(runs, "finished", "queued", "running", "queued")


def test_a_run_that_waits_or_trains_keeps_its_place_when_it_is_added_again(queue: Any) -> None:
    runs = new_runs(queue, "abc")
    queue.add(runs)
    wait_for_states(runs, "running", "queued", "queued")
    queue.add([runs[2], runs[0]], evaluate=True)
    content = queue.read()
    assert [entry.run for entry in content.training + content.waiting] == ["a", "b", "c"]
    assert [entry.evaluate for entry in content.waiting] == [False, True]


def test_a_training_in_a_terminal_uses_the_device_too(queue: Any) -> None:
    runs = a, b = new_runs(queue, "ab")
    command = [sys.executable, str(HELPERS / "held_training.py"), str(a.path)]
    with subprocess.Popen(command) as training:
        wait_for_states([a], "running")
        assert [(each.state, each.position) for each in launch.train_in_background([a])] == [("training", None)]
        queue.add([b])
        wait_for(lambda: process.read_process(b) is not None)
        assert states(runs) == ["running", "queued"]
        end(a)
        training.wait()
    wait_for_states(runs, "finished", "running")


def test_each_gpu_trains_one_run_and_a_run_keeps_the_variables_it_was_added_with(
    queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPUS", "GPU-a GPU-b")
    runs = a, b, c, d = new_runs(queue, "abcd")
    queue.add([a])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    queue.add([b], evaluate=True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    queue.add([c])
    monkeypatch.delenv("KERAS_BACKEND")
    queue.add([d])
    wait_for_states(runs, "running", "queued", "queued", "queued")
    assert [entry.devices for entry in queue.read().training] == [("GPU-a",)]
    end(a)
    wait_for_states(runs, "finished", "running", "queued", "queued")  # c waits for both, and d behind it
    assert json.loads((b.path / "started.json").read_text()) == {
        "options": ["--evaluate"],
        "variables": {"CUDA_VISIBLE_DEVICES": "0", "KERAS_BACKEND": None},
    }
    end(b)
    wait_for_states(runs, "finished", "finished", "running", "queued")
    assert json.loads((c.path / "started.json").read_text())["variables"] == {
        "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b",
        "KERAS_BACKEND": "jax",
    }
    end(c)
    wait_for_states(runs, "finished", "finished", "finished", "running")


def test_a_full_disk_is_said_and_loses_nothing(queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = new_runs(queue, "ab")
    queue.add([a])
    wait_for_states([a], "running")
    before = queue.content_file.read_bytes()

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(DiskFullError, match=r"queue.json: no space left on the disk"):
        queue.add([b])
    monkeypatch.undo()
    assert (queue.content_file.read_bytes(), states([a, b])) == (before, ["running", "new"])


@pytest.mark.parametrize("content", ["{", '{"waiting": [{}]}', '{"version": 2}', "[]"])
def test_a_damaged_file_is_one_line_that_names_it(queue: Any, content: Any) -> None:
    queue.path.mkdir(parents=True)
    queue.content_file.write_text(content)
    with pytest.raises(RunError, match=r"queue.json: cannot be read \(.+\); restore it, or remove it") as caught:
        queue.view()
    assert "\n" not in str(caught.value)


def test_an_empty_queue_says_that_there_is_nothing_to_do(queue: Any) -> None:
    assert queue.view().to_json() == {
        "runs": str(queue.root), "state": "idle", "detail": "", "training": [], "waiting": []
    }  # fmt: skip
    with pytest.raises(RunError, match="nothing to stop"):
        queue.stop()
    with pytest.raises(RunError, match="nothing to resume"):
        queue.resume()
    assert not (queue.path / "queue.json").exists()


def test_runs_are_launched_with_their_place(queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingQueue, "of", classmethod(lambda cls, root: queue))
    runs = a, _b, _c = new_runs(queue, "abc")
    launched = launch.train_in_background(runs)
    assert [(each.state, each.position) for each in launched] == [("starting", None), ("queued", 1), ("queued", 2)]
    wait_for_states(runs, "running", "queued", "queued")
    end(a)
    wait_for_states(runs, "finished", "running", "queued")
    launched = launch.train_in_background(runs)
    assert [(each.state, each.position) for each in launched] == [("finished", None), ("training", None), ("queued", 1)]


def test_old_fields_and_new_ones_can_be_read() -> None:
    content = QueueContent.model_validate({"waiting": [{"run": "a", "colour": "red"}], "surprise": 1})
    assert content.waiting == [QueuedRun(run="a")]
