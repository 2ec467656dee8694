"""The queue process: starts runs on free devices and records when they end.

Run: python -m tem_rf.jobs.queue_runner RUNS
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from tem_rf.errors import StorageError, TemRfError
from tem_rf.jobs.devices import PREFIXES, usable_devices
from tem_rf.jobs.queue import QueueContent, QueuedRun, TrainingQueue
from tem_rf.runs import process
from tem_rf.runs.devices import CPU, installed_gpus
from tem_rf.runs.events import Event, EventLog, EventSink, Listener, NoticeEvent, StatusEvent
from tem_rf.runs.interruption import Interruption, interruptible, write_when_there_is_room
from tem_rf.runs.view import try_to_view_run

TRAINING_COMMAND = (sys.executable, "-m", "tem_rf", "resume")
"""Command that trains a run; the option to score it, if requested, and the run folder are appended."""
POLL_S = 0.5

Outcome = Literal["finished", "stopped"]


Write = Callable[[], None]


def run_queue(
    queue: TrainingQueue, *, command: Sequence[str] = TRAINING_COMMAND, listener: Listener | None = None
) -> Outcome:
    """Run a queue until no run is waiting or training, or until it is stopped.

    Trainings run in their own sessions and continue however this process ends. Trainings started by an earlier queue
    process are taken over. A run that was killed together with that process is started again; a run that is killed
    under this process has ended, like one that failed.

    Args:
        queue: The queue.
        command: Command that trains a run, without the run folder.
        listener: Called with every event.

    Returns:
        `finished`, or `stopped` if a stop was requested or the folder was deleted.

    Raises:
        RunError: Another process is running this queue, or its file cannot be read.
        StorageError: The folder cannot be written to.
    """
    queue = TrainingQueue(queue.path.resolve(), queue.runner_command)
    with process.claim(queue), interruptible(queue) as interruption:
        journal = _QueueEventSink(queue.event_log(), *([listener] if listener else []))
        journal.emit(StatusEvent(state="running"))
        try:
            state = _Runner(queue, journal, interruption, command).go_on()
        except BaseException as error:
            journal.emit(StatusEvent(state="failed", detail=str(error) or type(error).__name__))
            raise
        if queue.path.exists():
            journal.emit(StatusEvent(state=state))
        return state


class _QueueEventSink(EventSink):
    """Emits events, and survives the deletion of the folder that it writes to."""

    def __init__(self, log: EventLog, *listeners: Listener) -> None:
        super().__init__(log, *listeners)

    def emit(self, event: Event) -> None:
        with suppress(StorageError):
            super().emit(event)


class _Runner:
    """One queue in this process."""

    def __init__(
        self, queue: TrainingQueue, journal: EventSink, interruption: Interruption, command: Sequence[str]
    ) -> None:
        self.queue, self.journal, self.interruption, self.command = queue, journal, interruption, command
        self.installed = installed_gpus()
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.recorded: set[str] = set()  # waiting runs that have this process recorded as theirs
        self.outcome: Outcome | None = None
        self.starting: list[QueuedRun] = []

    def go_on(self) -> Outcome:
        self._write(self._take_over)
        while self.queue.lock_file.exists():  # else the folder was deleted
            self._write(self._step)
            for entry in self.starting:
                self._start(entry)
            if self.outcome:
                return self.outcome
            time.sleep(POLL_S)
        return "stopped"

    def _write(self, write: Write) -> None:
        write_when_there_is_room(write, self.journal, self.interruption)

    def _take_over(self) -> None:
        """Sort the runs started by an earlier process: still training, killed with it, or ended."""
        with self.queue.editing() as content:
            killed = []
            for entry in [*content.training]:
                run = self.queue.run_folder(entry)
                if process.has_process(run):
                    continue
                content.training.remove(entry)
                if run.config_file.exists() and process.state(run) == "killed":
                    process.mark_queued(run)
                    killed.append(entry.model_copy(update={"devices": ()}))
            content.waiting[:0] = killed

    def _step(self) -> None:
        """Remove ended runs and choose runs to start; all or nothing if the disk is full."""
        ended = [entry for entry in self.queue.read().training if self._has_ended(entry)]
        self.starting = []
        with self.queue.editing() as content:
            content.training = [entry for entry in content.training if entry not in ended]
            if ended:  # write this before acting on it
                pass
            elif content.is_stopped:
                self._let_go(content)
                self.outcome = "stopped"
            elif self.interruption.asks_to_stop():
                content.is_stopped = True
            elif not content.training and not content.waiting:
                self.queue.process_file.unlink(missing_ok=True)  # a run added from now on starts a new process
                self.outcome = "finished"
            else:
                self._choose(content)
                self._record_waiting(content)
        for entry in ended:
            self._tell_end(entry)

    def _choose(self, content: QueueContent) -> None:
        for entry, devices in self.queue.startable(content, self.installed):
            content.waiting.remove(entry)
            started = entry.model_copy(update={"devices": devices})
            content.training.append(started)
            self.starting.append(started)

    def _start(self, entry: QueuedRun) -> None:
        run = self.queue.run_folder(entry)
        self.recorded.discard(entry.run)
        if not run.config_file.exists():
            self._tell(f"{entry.run}: its folder is gone, so it was removed from the queue")
            return
        if process.is_alive(run):
            self._tell(f"{entry.run}: {process.owner(run)} is already training it")
            return
        command = [*self.command, *(["--evaluate"] if entry.evaluate else []), str(run.path)]
        try:
            self.children[entry.run] = process.spawn_detached(run, command, self._environment(entry))
        except (StorageError, OSError) as error:
            run.process_file.unlink(missing_ok=True)
            with suppress(StorageError):
                run.event_log().write(StatusEvent(state="failed", detail=str(error)))
            self._tell(f"{entry.run}: could not be started: {error}")
            return
        self._tell(f"{entry.run}: started on {', '.join(entry.devices)}")

    def _environment(self, entry: QueuedRun) -> dict[str, str]:
        """Return the environment of a run: the variables it was added with, and only its own devices."""
        others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)}
        names = usable_devices(entry.environment, self.installed)
        if entry.devices == (CPU,):
            return {**others, **entry.environment}
        return {
            **others,
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
            **entry.environment,
            "CUDA_VISIBLE_DEVICES": ",".join(names[device] for device in entry.devices),
        }

    def _has_ended(self, entry: QueuedRun) -> bool:
        child = self.children.get(entry.run)
        if child is not None and child.poll() is None:
            return False
        return not process.has_process(self.queue.run_folder(entry))

    def _tell_end(self, entry: QueuedRun) -> None:
        child = self.children.pop(entry.run, None)
        run = self.queue.run_folder(entry)
        if not run.config_file.exists():
            return
        view = try_to_view_run(run)
        detail = f": {view.detail}" if view.detail else ""
        has_failed_after_it = child is not None and child.returncode > 0 and view.state == "finished"
        self._tell(f"{entry.run}: {view.state}{detail}" + ("; see its log.txt" if has_failed_after_it else ""))

    def _record_waiting(self, content: QueueContent) -> None:
        """Record this process in the waiting runs, so they are shown as killed if it dies."""
        self.recorded &= {entry.run for entry in content.waiting}
        for entry in content.waiting:
            run = self.queue.run_folder(entry)
            if entry.run not in self.recorded and run.config_file.exists() and not process.is_alive(run):
                self.recorded.add(entry.run)
                with suppress(StorageError):
                    process.record_process(run, os.getpid(), sys.argv)

    def _let_go(self, content: QueueContent) -> None:
        """Leave the waiting runs queued and the queue without a process."""
        for entry in content.waiting:
            if entry.run in self.recorded:
                self.queue.run_folder(entry).process_file.unlink(missing_ok=True)
        self.queue.process_file.unlink(missing_ok=True)

    def _tell(self, message: str) -> None:
        self.journal.emit(NoticeEvent(message=message))


def main() -> None:
    """Run the queue of the folder given as the command's argument."""
    try:
        run_queue(TrainingQueue.of(Path(sys.argv[1])))
    except TemRfError as error:
        sys.exit(f"tem-rf: {error}")


if __name__ == "__main__":
    main()
