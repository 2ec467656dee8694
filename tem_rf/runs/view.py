"""A summary of a run for commands, studies and the app: state, progress, time left, best score.

`view_run` reads a run once. `RunFollower` and `RunTracker` read repeatedly, and only what was appended since.
"""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tem_rf.errors import TemRfError
from tem_rf.runs.config import RunConfig
from tem_rf.runs.events import (
    EpochEvent,
    Event,
    NoticeEvent,
    SampleEvent,
    State,
    StatusEvent,
    StepEvent,
    follow_events,
    kept_epoch,
)
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.notes import RunNotes, read_notes
from tem_rf.runs.process import state_after

LIVE_STATES = frozenset({"queued", "starting", "running", "paused"})
_KEPT_HAPPENINGS = 200


@dataclass(frozen=True)
class RunView:
    """A run at one point in time.

    Attributes:
        run: The run folder.
        state: State of the run; `killed` if its process ended without a final state, `new` if it never started,
            `unreadable` if its configuration cannot be read.
        detail: Detail of the last status, or why the run cannot be read.
        config: The configuration of the run; None if it cannot be read.
        epochs: Scores of the completed epochs, in order.
        step: The last progress report within an epoch.
        happenings: The last status changes and notices, oldest first.
        sampled_epoch: Epoch of the current validation samples; None before the first.
        device: Host and device of the last start; empty before it.
        notes: Note and tags of the user.
    """

    run: RunFolder
    state: State | Literal["killed", "new", "unreadable"]
    detail: str = ""
    config: RunConfig | None = None
    epochs: tuple[EpochEvent, ...] = ()
    step: StepEvent | None = None
    happenings: tuple[StatusEvent | NoticeEvent, ...] = ()
    sampled_epoch: int | None = None
    device: str = ""
    notes: RunNotes = field(default_factory=RunNotes)

    @property
    def total_epochs(self) -> int:
        """Epochs requested."""
        return self.config.training.epochs if self.config else 0

    @cached_property
    def best(self) -> EpochEvent | None:
        """The epoch whose network is kept."""
        return kept_epoch(self.epochs, self.config.training.keep if self.config else "best")

    @property
    def patches_per_s(self) -> float | None:
        """Speed at the last progress report."""
        reports = [event for event in (self.step, self.epochs[-1] if self.epochs else None) if event]
        return max(reports, key=lambda event: event.time).patches_per_s if reports else None

    @property
    def seconds_left(self) -> float | None:
        """Estimated time until the last epoch [s]; None unless the run is training and has completed an epoch."""
        return seconds_left(self.total_epochs, self.epochs, self.step) if self.state == "running" else None

    @property
    def is_complete(self) -> bool:
        """Whether the run finished all requested epochs, or stopped early because the score no longer improved."""
        if self.state != "finished" or not self.epochs or self.config is None:
            return False
        best = max((event.epoch for event in self.epochs if event.is_best), default=0)
        patience = self.config.training.early_stopping_patience
        is_out_of_patience = patience is not None and self.epochs[-1].epoch - best >= patience
        return self.epochs[-1].epochs == self.total_epochs or is_out_of_patience

    def to_json(self) -> dict[str, Any]:
        """JSON output for scripts: state, progress, time left and best score."""
        if self.state == "unreadable":
            return {"run": str(self.run.path), "state": self.state, "detail": self.detail}
        return {
            "run": str(self.run.path),
            "state": self.state,
            "epochs_done": len(self.epochs),
            "epochs": self.total_epochs,
            "seconds_left": self.seconds_left,
            "best_epoch": self.best.epoch if self.best else None,
            "best_validation_hard_dice": self.best.validation_hard_dice if self.best else None,
            "note": self.notes.note,
            "tags": [*self.notes.tags],
        }


def seconds_left(total_epochs: int, done: Sequence[EpochEvent], step: StepEvent | None) -> float | None:
    """Estimate the time until the last epoch from the duration of the previous epoch.

    Args:
        total_epochs: Epochs requested.
        done: The completed epochs, in order.
        step: The last progress report within an epoch.

    Returns:
        Time [s]; None before the first epoch is completed.
    """
    if not done:
        return None
    is_within = step is not None and step.epoch > done[-1].epoch
    begun = step.step / step.steps if step is not None and is_within else 0.0
    return max(0.0, total_epochs - done[-1].epoch - begun) * done[-1].duration_s


def duration_text(seconds: float) -> str:
    """A duration in one or two units.

    >>> duration_text(42), duration_text(600), duration_text(7500)
    ('42 s', '10 min', '2 h 5 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def view_run(run: RunFolder) -> RunView:
    """Read a run once.

    Raises:
        RunError: The folder contains no run, or one that cannot be read.
    """
    return RunFollower(run).look()


def try_to_view_run(run: RunFolder) -> RunView:
    """Read a run once; a run that cannot be read has the state `unreadable`."""
    return RunFollower(run).poll()


class RunTracker:
    """Reads all runs in a folder repeatedly.

    Args:
        root: Folder of the runs; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._followers: dict[Path, RunFollower] = {}
        self._views: list[RunView] = []

    def poll(self, *, only_live: bool = False) -> list[RunView]:
        """The current runs, newest first. A run that has not changed is the same object as before.

        Args:
            only_live: Read only those that were training or waiting at the last call, which is much quicker among many
                runs; new runs are not found.
        """
        if only_live and self._views:
            self._views = [
                self._followers[view.run.path].poll() if view.state in LIVE_STATES else view for view in self._views
            ]
            return list(self._views)
        try:
            paths = [path for path in self._root.iterdir() if RunFolder(path).config_file.exists()]
        except OSError:  # no runs yet, or the folder was removed
            paths = []
        self._followers = {path: self._followers.get(path) or RunFollower(RunFolder(path)) for path in paths}
        followers = sorted(self._followers.values(), key=lambda each: (-each.created, each.run.name))
        self._views = [follower.poll() for follower in followers]
        return list(self._views)


class RunFollower:
    """Reads one run repeatedly, and remembers how far its events were read.

    Args:
        run: The run.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.created = _modified(run.config_file)
        self._config: RunConfig | None = None
        self._config_modified = 0.0
        self._view: RunView | None = None
        self._position = 0
        self._history = RunHistory()
        self._notes, self._notes_modified = RunNotes(), 0.0

    def poll(self) -> RunView:
        """The run as it is now: the same object as before if nothing changed, `unreadable` if it cannot be read."""
        try:
            return self.look()
        except (TemRfError, OSError) as error:  # damaged, or removed a moment ago
            return self._keep(RunView(self.run, "unreadable", str(error)))

    def look(self) -> RunView:
        """The run as it is now.

        Raises:
            RunError: The folder contains no run, or one that cannot be read.
        """
        has_news = self._read() | self._read_notes()
        if has_news or self._config is None:  # an event may report that more epochs were requested
            self._read_config()
        history = self._history
        now = state_after(history.status, self.run)
        if self._view is not None and not has_news and now == self._view.state:
            return self._view
        return self._keep(
            RunView(
                self.run,
                now,
                detail=history.status.detail if history.status else "",
                config=self._config,
                epochs=history.epochs,
                step=history.step,
                happenings=tuple(history.happenings),
                sampled_epoch=history.sampled_epoch,
                device=_device(self.run),
                notes=self._notes,
            )
        )

    def _keep(self, view: RunView) -> RunView:
        if self._view is None or view != self._view:
            self._view = view
        return self._view

    def _read_config(self) -> None:
        modified = _modified(self.run.config_file)
        if self._config is None or modified != self._config_modified:
            self._config, self._config_modified = self.run.config, modified

    def _read_notes(self) -> bool:
        """Read note and tags if they have changed; True if they have."""
        modified = _modified(self.run.notes_file)
        if modified == self._notes_modified:
            return False
        self._notes, self._notes_modified = read_notes(self.run), modified
        return True

    def _read(self) -> bool:
        """Read what was appended; True if there was something."""
        size = self.run.events_file.stat().st_size if self.run.events_file.exists() else 0
        if size < self._position:  # another file under the same name
            self._position, self._history = 0, RunHistory()
        if size == self._position:
            return False
        events, position = follow_events(self.run.events_file, self._position)
        has_news = position != self._position
        self._position = position
        for event in events:
            self._history.take(event)
        return has_news


@dataclass
class RunHistory:
    """Summary of the events of a run so far.

    Attributes:
        status: The last status change.
        step: The last progress report within an epoch.
        sampled_epoch: Epoch of the current validation samples.
        happenings: The last status changes and notices, oldest first.
    """

    status: StatusEvent | None = None
    step: StepEvent | None = None
    sampled_epoch: int | None = None
    happenings: deque[StatusEvent | NoticeEvent] = field(default_factory=lambda: deque(maxlen=_KEPT_HAPPENINGS))
    _epochs: dict[int, EpochEvent] = field(default_factory=dict)

    @property
    def epochs(self) -> tuple[EpochEvent, ...]:
        """The epochs in order. An epoch that was repeated after a restart counts once."""
        return tuple(self._epochs[number] for number in sorted(self._epochs))

    def take(self, event: Event) -> None:
        """Add the next event."""
        match event:
            case EpochEvent():
                self._epochs[event.epoch] = event
            case StepEvent():
                self.step = event
            case SampleEvent():
                self.sampled_epoch = event.epoch
            case StatusEvent():
                self.status = event
                self.happenings.append(event)
            case NoticeEvent():
                self.happenings.append(event)


def _device(run: RunFolder) -> str:
    """Host and devices from `environment.json`; empty if there are none."""
    try:
        content = json.loads(run.environment_file.read_text(encoding="utf-8"))
        return f"{content['host']} {', '.join(content['devices'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
