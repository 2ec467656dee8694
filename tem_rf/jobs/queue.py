"""The queue of a folder of runs: trains one run per device, the next as soon as one ends, fails or is stopped.

Its state is in RUNS/.queue. A process of its own, started by whoever adds a run, works through it (see `queue_runner`).
Trainings are processes of their own too, so they go on when that process is stopped or killed.
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
"""What works through a queue; the folder of the runs follows."""
FOLDER_NAME = ".queue"


QueueState = Literal["idle", "queued", "starting", "running", "paused", "stopped", "failed", "killed"]


class QueuedRun(BaseModel):
    """A run in the queue."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str = Field(description="Name of the run.")
    evaluate: bool = Field(False, description="Score its test images after the last epoch.")
    environment: dict[str, str] = Field(
        default_factory=dict, description="Variables that decide how and where it computes, such as KERAS_BACKEND."
    )
    devices: tuple[str, ...] = Field((), description="What it trains on, once it does.")


class QueueContent(BaseModel):
    """The content of `queue.json`."""

    model_config = ConfigDict(extra="ignore")

    version: Literal[1] = 1
    is_stopped: bool = Field(False, description="Whether no further run is to start.")
    training: list[QueuedRun] = Field(default_factory=list, description="Runs that were started.")
    waiting: list[QueuedRun] = Field(default_factory=list, description="Runs that wait, in order.")


@dataclass(frozen=True)
class QueueView:
    """A queue at one moment.

    Attributes:
        queue: The queue.
        state: State of the queue; `idle` if it has nothing to do, `killed` if its process is gone without a final
            state, `paused` if there is no room on the disk.
        detail: Detail of that state.
        training: Runs that were started and have not ended.
        waiting: Runs that wait, in order.
    """

    queue: "TrainingQueue"
    state: QueueState
    detail: str
    training: tuple[tuple[QueuedRun, RunView], ...]
    waiting: tuple[tuple[QueuedRun, RunView], ...]

    def to_json(self) -> dict[str, Any]:
        """What scripts get."""
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
    """The queue of one folder of runs; any number of processes may change it at once.

    Attributes:
        path: Its folder, `RUNS/.queue`.
        runner_command: What works through it; the folder of the runs follows.
    """

    runner_command: tuple[str, ...] = RUNNER_COMMAND
    activity = "running this queue"

    @classmethod
    def of(cls, root: Path = DEFAULT_ROOT, runner_command: Sequence[str] = RUNNER_COMMAND) -> Self:
        """The queue of a folder of runs; nothing is written before a run is added."""
        return cls(Path(root) / FOLDER_NAME, tuple(runner_command))

    @property
    def root(self) -> Path:
        """The folder of the runs."""
        return self.path.parent

    @property
    def content_file(self) -> Path:
        """`queue.json`: what trains and what waits."""
        return self.path / "queue.json"

    @property
    def start_command(self) -> tuple[str, ...]:
        """Command that works through it."""
        return (*self.runner_command, str(self.root.resolve()))

    @property
    def watch_command(self) -> str:
        """Command that shows the queue."""
        return self._command()

    @property
    def stop_command(self) -> str:
        """Command that ends its process."""
        return self._command("stop")

    @property
    def resume_command(self) -> str:
        """Command that lets it go on."""
        return self._command("resume")

    def events(self) -> list[AnyEvent]:
        """What happened to the queue so far."""
        return read_events(self.events_file)

    def remove_leftovers(self) -> None:
        """Remove half-written files of processes that were killed."""
        for file in (self.content_file, self.process_file):
            remove_leftovers(self.path, file.name)

    def run_folder(self, entry: QueuedRun) -> RunFolder:
        """The run of an entry; its folder may have been deleted."""
        return RunFolder(self.root / entry.run)

    def read(self) -> QueueContent:
        """What trains and what waits.

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
            f"{self.content_file}: cannot be read ({reason}); restore it, or remove it to begin with an empty queue."
        )

    @contextmanager
    def editing(self) -> Iterator[QueueContent]:
        """Give the content to change; it is written whole at the end, and nobody else changes it meanwhile.

        Raises:
            RunError: The file cannot be read.
            DiskFullError: There is no room on the disk; nothing was changed.
            StorageError: The folder cannot be written to.
        """
        with self._locked():
            content = self.read()
            before = content.model_copy(deep=True)
            yield content
            if content != before:
                self._write(content)

    def add(self, runs: Sequence[RunFolder], *, evaluate: bool = False) -> None:
        """Add runs at the end, and start the queue unless somebody stopped it while others waited.

        Runs that wait or train already keep their place.

        Args:
            runs: Runs of this folder.
            evaluate: Score their test images after the last epoch.

        Raises:
            DiskFullError: There is no room on the disk; what was added is as it was, or waits.
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
        """Whether a run waits in this queue."""
        return any(entry.run == run.name for entry in self.read().waiting)

    def remove(self, name: str) -> None:
        """Take a run out of the queue.

        Raises:
            RunError: It does not wait.
        """
        with self.editing() as content:
            entry = self._waiting(content, name)
            content.waiting.remove(entry)
        self.release(entry, "removed from the queue")

    def move(self, name: str, position: int) -> None:
        """Give a run that waits another place.

        Args:
            name: Name of the run.
            position: Its place among those that wait, from 1; a greater one than there are is the last.

        Raises:
            RunError: It does not wait, or the position is below 1.
        """
        if position < 1:
            raise RunError(f"`position`: expected 1 or more, received {position}.")
        with self.editing() as content:
            entry = self._waiting(content, name)
            content.waiting.remove(entry)
            content.waiting.insert(position - 1, entry)

    def stop(self) -> None:
        """Let no further run start; those that train go on.

        Raises:
            RunError: Nothing trains and nothing waits.
        """
        with self.editing() as content:
            if not content.waiting and not process.has_process(self):
                raise RunError(f"{self.root}: nothing waits in the queue of this folder, so there is nothing to stop.")
            content.is_stopped = True

    def resume(self) -> None:
        """Go on after a stop or a kill; trainings that still run are taken over.

        Raises:
            RunError: Nothing trains and nothing waits, or a process works through the queue already.
        """
        self.allow_starts()
        if not self.start_runner():
            raise RunError(
                f"{self.root}: {process.owner(self)} works through the queue of this folder already; "
                f"see `{self.watch_command}`."
            )

    def allow_starts(self) -> None:
        """Take a stop back.

        Raises:
            RunError: Nothing trains and nothing waits.
        """
        with self.editing() as content:
            if not content.waiting and not content.training:
                raise RunError(
                    f"{self.root}: nothing waits in the queue of this folder, so there is nothing to resume."
                )
            content.is_stopped = False

    def start_runner(self) -> bool:
        """Start the process that works through the queue, unless there is one, nothing to do, or it was stopped."""
        with self._locked():
            content = self.read()
            if content.is_stopped or not (content.waiting or content.training) or process.has_process(self):
                return False
            process.mark_queued(self)
            process.start_detached(self)
        return True

    def release(self, entry: QueuedRun, detail: str) -> None:
        """Record in a run that it no longer waits."""
        run = self.run_folder(entry)
        if run.config_file.exists() and not process.is_alive(run) and process.state(run) in ("queued", "killed"):
            run.process_file.unlink(missing_ok=True)
            run.event_log().write(StatusEvent(state="stopped", detail=detail))

    def view(self) -> QueueView:
        """What trains and what waits.

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
        """The waiting runs that can start now, and the devices they get.

        Args:
            content: What trains and what waits.
            installed: UUIDs of the GPUs of this machine.
        """
        if not content.waiting or content.is_stopped:
            return []
        busy = {device for entry in content.training for device in entry.devices}
        names = {entry.run for entry in content.training}
        for run in list_runs(self.root):  # trainings in a terminal use a device, too
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
            raise RunError(f"{name}: was started already; end it with `{RunFolder(self.root / name).stop_command}`.")
        close = close_names(name, [entry.run for entry in content.waiting])
        raise RunError(f"{name}: does not wait in the queue of {self.root}{close}; see `{self.watch_command}`.")

    def _command(self, *words: str) -> str:
        is_default = self.root == DEFAULT_ROOT
        return shlex.join(["tem-rf", "queue", *words, *([] if is_default else ["--runs", str(self.root)])])


_NOT_ENDED = frozenset({"queued", "starting", "running", "paused", "killed"})


def _devices_of_owner(run: RunFolder, installed: Sequence[str]) -> tuple[str, ...]:
    """What the process uses that trains a run outside the queue; nothing of this machine if it is on another."""
    import psutil

    about = process.read_process(run)
    if about is None or about.host != socket.gethostname():
        return ()
    try:
        environment = psutil.Process(about.pid).environ()
    except (psutil.Error, OSError):
        environment = {}
    return used_devices(environment, installed)
