"""The queue of a folder of runs: trains one run per device, the next as soon as one ends, fails or is stopped.

Its state is stored in RUNS/.queue. Adding a run starts a separate process that runs the queue (see `queue_runner`).
Trainings are separate processes too, so they continue if the queue process is stopped or killed.
"""

import shlex
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tem_rf.errors import RunError
from tem_rf.files import parse_json, remove_leftovers, sole_writer, write_json
from tem_rf.jobs.devices import assign_devices, computing_variables, used_devices
from tem_rf.runs import process
from tem_rf.runs.events import AnyEvent, StatusEvent, last_status, read_events
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.owned_folder import OwnedFolder
from tem_rf.runs.root import DEFAULT_ROOT, close_names, list_runs
from tem_rf.runs.view import RunView, try_to_view_run

RUNNER_COMMAND = (sys.executable, "-m", "tem_rf.jobs.queue_runner")
"""Command that runs a queue; the folder of the runs is appended."""
FOLDER_NAME = ".queue"


QueueState = Literal["idle", "queued", "starting", "running", "paused", "stopped", "failed", "killed"]


class QueuedRun(BaseModel):
    """A run in the queue."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str = Field(description="Name of the run.")
    evaluate: bool = Field(False, description="Evaluate it on its test images after the last epoch.")
    environment: dict[str, str] = Field(
        default_factory=dict, description="Variables that determine how and where it computes, such as KERAS_BACKEND."
    )
    devices: tuple[str, ...] = Field((), description="Devices it trains on, once it is training.")


class QueueContent(BaseModel):
    """The content of `queue.json`."""

    model_config = ConfigDict(extra="ignore")

    version: Literal[1] = 1
    is_stopped: bool = Field(False, description="Whether the queue is stopped and starts no further runs.")
    training: list[QueuedRun] = Field(default_factory=list, description="Runs that were started.")
    waiting: list[QueuedRun] = Field(default_factory=list, description="Waiting runs, in order.")


@dataclass(frozen=True)
class QueueView:
    """A queue at one moment.

    Attributes:
        queue: The queue.
        state: State of the queue; `idle` if it has nothing to do, `killed` if its process ended without recording a
            final state, `paused` if the disk is full.
        detail: Detail of that state.
        training: Runs that were started and have not ended.
        waiting: Waiting runs, in order.
    """

    queue: "TrainingQueue"
    state: QueueState
    detail: str
    training: tuple[tuple[QueuedRun, RunView], ...]
    waiting: tuple[tuple[QueuedRun, RunView], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the view as JSON types."""
        return {
            "runs": str(self.queue.root),
            "state": self.state,
            "detail": self.detail,
            "training": [{**view.to_json(), "devices": [*entry.devices]} for entry, view in self.training],
            "waiting": [
                {"position": position, "run": str(view.run.path), "state": view.state}
                for position, (_, view) in enumerate(self.waiting, start=1)
            ],
        }


@dataclass(frozen=True)
class TrainingQueue(OwnedFolder):
    """The queue of one folder of runs; any number of processes may change it at the same time.

    Attributes:
        path: Its folder, `RUNS/.queue`.
        runner_command: Command that runs it; the folder of the runs is appended.
    """

    runner_command: tuple[str, ...] = RUNNER_COMMAND
    activity = "running this queue"

    @classmethod
    def of(cls, root: Path = DEFAULT_ROOT, runner_command: Sequence[str] = RUNNER_COMMAND) -> Self:
        """Return the queue of a folder of runs; nothing is written until a run is added."""
        return cls(Path(root) / FOLDER_NAME, tuple(runner_command))

    @property
    def root(self) -> Path:
        """The folder of the runs."""
        return self.path.parent

    @property
    def content_file(self) -> Path:
        """`queue.json`: training and waiting runs."""
        return self.path / "queue.json"

    @property
    def start_command(self) -> tuple[str, ...]:
        """Command that runs the queue."""
        return (*self.runner_command, str(self.root.resolve()))

    @property
    def watch_command(self) -> str:
        """Command that shows the queue."""
        return self._command()

    @property
    def stop_command(self) -> str:
        """Command that stops the queue."""
        return self._command("stop")

    @property
    def resume_command(self) -> str:
        """Command that resumes the queue."""
        return self._command("resume")

    def events(self) -> list[AnyEvent]:
        """Return the events of the queue so far."""
        return read_events(self.events_file)

    def remove_leftovers(self) -> None:
        """Remove half-written files left by killed processes."""
        for file in (self.content_file, self.process_file):
            remove_leftovers(self.path, file.name)

    def run_folder(self, entry: QueuedRun) -> RunFolder:
        """Return the run of an entry; its folder may have been deleted."""
        return RunFolder(self.root / entry.run)

    def read(self) -> QueueContent:
        """Read the training and waiting runs.

        Raises:
            RunError: The file cannot be read.
        """
        try:
            return QueueContent.model_validate(parse_json(self.content_file.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return QueueContent()
        except ValidationError as error:
            first = error.errors()[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except (OSError, ValueError) as error:
            reason = str(error)
        raise RunError(
            f"{self.content_file}: cannot be read ({reason}); restore it, or remove it to start with an empty queue."
        )

    @contextmanager
    def editing(self) -> Iterator[QueueContent]:
        """Yield the content for editing; it is locked meanwhile, and written atomically at the end.

        Raises:
            RunError: The file cannot be read.
            DiskFullError: The disk is full; nothing was changed.
            StorageError: The folder cannot be written to.
        """
        with self._locked():
            content = self.read()
            before = content.model_copy(deep=True)
            yield content
            if content != before:
                self._write(content)

    def add(self, runs: Sequence[RunFolder], *, evaluate: bool = False) -> None:
        """Append runs, and start the queue unless it was stopped while runs were waiting.

        Runs that are already waiting or training keep their position.

        Args:
            runs: Runs of this folder.
            evaluate: Evaluate them on their test images after the last epoch.

        Raises:
            DiskFullError: The disk is full; each run is either unchanged or waiting.
            StorageError: The folder cannot be written to.
        """
        variables = computing_variables()
        with self._locked():
            content = self.read()
            content.is_stopped = content.is_stopped and bool(content.waiting)
            by_name = {entry.run: entry for entry in content.waiting}
            training = {entry.run for entry in content.training}
            for run in runs:
                if process.is_alive(run) or (run.name in training and process.has_process(run)):
                    continue
                before = by_name.get(run.name)
                entry = before or QueuedRun(run=run.name, environment=variables)
                by_name[run.name] = entry.model_copy(update={"evaluate": entry.evaluate or evaluate})
            added = [run for run in runs if run.name in by_name]
            content.training = [entry for entry in content.training if entry.run not in by_name]
            content.waiting = [*by_name.values()]
            self._write(content)
            for run in added:
                if process.state(run) != "queued":
                    process.mark_queued(run)
        self.start_runner()

    def holds(self, run: RunFolder) -> bool:
        """Whether a run is waiting in this queue."""
        return any(entry.run == run.name for entry in self.read().waiting)

    def has(self, run: RunFolder) -> bool:
        """Whether a run is waiting in this queue, or was started by it and has not ended."""
        content = self.read()
        is_started = any(entry.run == run.name for entry in content.training) and process.has_process(run)
        return is_started or any(entry.run == run.name for entry in content.waiting)

    def remove(self, name: str) -> None:
        """Remove a run from the queue.

        Raises:
            RunError: The run is not waiting.
        """
        with self.editing() as content:
            entry = self._waiting(content, name)
            content.waiting.remove(entry)
        self.release(entry, "removed from the queue")

    def move(self, name: str, position: int) -> None:
        """Move a waiting run to another position.

        Args:
            name: Name of the run.
            position: New position among the waiting runs, from 1; a position past the end means last.

        Raises:
            RunError: The run is not waiting, or the position is below 1.
        """
        if position < 1:
            raise RunError(f"`position`: expected 1 or more, received {position}.")
        with self.editing() as content:
            entry = self._waiting(content, name)
            content.waiting.remove(entry)
            content.waiting.insert(position - 1, entry)

    def stop(self) -> None:
        """Stop starting runs; those already training continue.

        Raises:
            RunError: No run is training or waiting.
        """
        with self.editing() as content:
            if not content.waiting and not process.has_process(self):
                raise RunError(f"{self.root}: the queue of this folder is empty, nothing to stop.")
            content.is_stopped = True

    def resume(self) -> None:
        """Resume after a stop or a kill; trainings that are still running are taken over.

        Raises:
            RunError: No run is training or waiting, or another process is already running the queue.
        """
        self.allow_starts()
        if not self.start_runner():
            raise RunError(
                f"{self.root}: {process.owner(self)} is already running the queue of this folder; "
                f"see `{self.watch_command}`."
            )

    def allow_starts(self) -> None:
        """Undo a stop.

        Raises:
            RunError: No run is training or waiting.
        """
        with self.editing() as content:
            if not content.waiting and not content.training:
                raise RunError(f"{self.root}: the queue of this folder is empty, nothing to resume.")
            content.is_stopped = False

    def start_runner(self) -> bool:
        """Start the queue process, unless it is running, there is nothing to do, or the queue was stopped."""
        with self._locked():
            content = self.read()
            if content.is_stopped or not (content.waiting or content.training) or process.has_process(self):
                return False
            process.mark_queued(self)
            process.start_detached(self)
        return True

    def release(self, entry: QueuedRun, detail: str) -> None:
        """Record in a run that it is no longer waiting."""
        run = self.run_folder(entry)
        if run.config_file.exists() and not process.is_alive(run) and process.state(run) in ("queued", "killed"):
            run.process_file.unlink(missing_ok=True)
            run.event_log().write(StatusEvent(state="stopped", detail=detail))

    def view(self) -> QueueView:
        """Return a view of the training and waiting runs.

        Raises:
            RunError: The file cannot be read.
        """
        content = self.read()
        views = [(entry, try_to_view_run(self.run_folder(entry))) for entry in content.training]
        status = last_status(self.events())
        now = process.state_after(status, self)
        training = tuple((entry, view) for entry, view in views if view.state in _NOT_ENDED)
        has_nothing_to_do = not training and not content.waiting
        if has_nothing_to_do and now in ("new", "finished", "killed", "stopped"):
            state: QueueState = "idle"
        elif content.is_stopped:
            state = "stopped"
        else:
            state = "idle" if now in ("new", "finished") else cast(QueueState, now)
        return QueueView(
            queue=self,
            state=state,
            detail=status.detail if status and status.state == state else "",
            training=training,
            waiting=tuple((entry, try_to_view_run(self.run_folder(entry))) for entry in content.waiting),
        )

    def startable(self, content: QueueContent, installed: Sequence[str]) -> list[tuple[QueuedRun, tuple[str, ...]]]:
        """Return the waiting runs that can start now, and the devices they get.

        Args:
            content: Training and waiting runs.
            installed: UUIDs of the GPUs of this machine.
        """
        if not content.waiting or content.is_stopped:
            return []
        busy = {device for entry in content.training for device in entry.devices}
        names = {entry.run for entry in content.training}
        for run in list_runs(self.root):  # trainings in a terminal use devices too
            if run.name not in names and process.is_alive(run):
                busy.update(_devices_of_owner(run, installed))
        return assign_devices([(entry, entry.environment) for entry in content.waiting], busy, installed)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with sole_writer(self.path / ".edit"):
            yield

    def _write(self, content: QueueContent) -> None:
        write_json(self.content_file, content.model_dump(mode="json"))

    def _waiting(self, content: QueueContent, name: str) -> QueuedRun:
        name = Path(name).name
        for entry in content.waiting:
            if entry.run == name:
                return entry
        if any(entry.run == name for entry in content.training):
            raise RunError(f"{name}: has already started; stop it with `{RunFolder(self.root / name).stop_command}`.")
        close = close_names(name, [entry.run for entry in content.waiting])
        raise RunError(f"{name}: is not waiting in the queue of {self.root}{close}; see `{self.watch_command}`.")

    def _command(self, *words: str) -> str:
        is_default = self.root == DEFAULT_ROOT
        return shlex.join(["tem-rf", "queue", *words, *([] if is_default else ["--runs", str(self.root)])])


_NOT_ENDED = frozenset({"queued", "starting", "running", "paused", "killed"})


def _devices_of_owner(run: RunFolder, installed: Sequence[str]) -> tuple[str, ...]:
    """Return the devices of this machine used by a process that trains a run outside the queue."""
    import psutil

    about = process.read_process(run)
    if about is None or about.host != socket.gethostname():
        return ()
    try:
        environment = psutil.Process(about.pid).environ()
    except (psutil.Error, OSError):
        environment = {}
    return used_devices(environment, installed)
