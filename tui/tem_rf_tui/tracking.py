"""Follow the runs of a folder: reads only what was appended since the last look."""

import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tem_rf.errors import TemRfError
from tem_rf.runs.config import RunConfig
from tem_rf.runs.events import (
    AnyEvent,
    EpochEvent,
    NoticeEvent,
    SampleEvent,
    State,
    StatusEvent,
    StepEvent,
    follow_events,
)
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.process import state_after

LIVE_STATES = frozenset({"queued", "starting", "running", "paused"})
_KEPT_EVENTS = 200


@dataclass(frozen=True)
class TrackedRun:
    """A run at one moment.

    Attributes:
        run: The run folder.
        state: State of the run; `unreadable` where its configuration cannot be read.
        detail: What the last status says beyond its state, or why the run cannot be read.
        config: What the run trains; None where that cannot be read.
        epochs: Scores of the epochs that are done, in order.
        step: The last report from within an epoch.
        happenings: The last changes of state and notices, oldest first.
        sampled_epoch: Epoch whose pictures of validation patches were written last; None before the first.
        device: Machine and device of the last start; empty before it.
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

    @property
    def total_epochs(self) -> int:
        """Epochs asked for."""
        return self.config.training.epochs if self.config else 0

    @property
    def best(self) -> EpochEvent | None:
        """The epoch with the best validation hard dice."""
        return max(self.epochs, key=lambda event: event.validation_hard_dice, default=None)

    @property
    def patches_per_s(self) -> float | None:
        """Speed at the last report."""
        reports = [event for event in (self.step, self.epochs[-1] if self.epochs else None) if event]
        return max(reports, key=lambda event: event.time).patches_per_s if reports else None

    @property
    def seconds_left(self) -> float | None:
        """Estimate until the last epoch, while it runs."""
        if self.state != "running" or not self.epochs:
            return None
        step = self.step
        is_within = step is not None and step.epoch > self.epochs[-1].epoch
        begun = step.step / step.steps if step is not None and is_within else 0.0
        return max(0.0, self.total_epochs - len(self.epochs) - begun) * self.epochs[-1].duration_s


class RunTracker:
    """Looks at all runs of a folder again and again.

    Args:
        root: Folder of the runs; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._followers: dict[Path, _Follower] = {}

    def poll(self) -> list[TrackedRun]:
        """The runs as they are now, newest first; a run that has not changed is the same object as before."""
        try:
            paths = [path for path in self._root.iterdir() if RunFolder(path).config_file.exists()]
        except OSError:  # no runs yet, or the folder was removed
            paths = []
        self._followers = {path: self._followers.get(path) or _Follower(RunFolder(path)) for path in paths}
        followers = sorted(self._followers.values(), key=lambda each: (-each.created, each.run.name))
        return [follower.poll() for follower in followers]


class _Follower:
    """What is known of one run, and how far its events are read."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.created = _modified(run.config_file)
        self._config: RunConfig | None = None
        self._config_modified = 0.0
        self._snapshot: TrackedRun | None = None
        self._seen = _Seen()

    def poll(self) -> TrackedRun:
        try:
            has_news = self._read()
            if has_news or self._config is None:  # an event tells of more epochs that were asked for
                self._read_config()
            seen = self._seen
            now = state_after(seen.status, self.run)
        except (TemRfError, OSError) as error:  # damaged, or removed a moment ago
            return self._keep(TrackedRun(self.run, "unreadable", str(error)))
        if self._snapshot is not None and not has_news and now == self._snapshot.state:
            return self._snapshot
        return self._keep(
            TrackedRun(
                self.run,
                now,
                detail=seen.status.detail if seen.status else "",
                config=self._config,
                epochs=tuple(seen.epochs[number] for number in sorted(seen.epochs)),
                step=seen.step,
                happenings=tuple(seen.happenings),
                sampled_epoch=seen.sampled_epoch,
                device=_device(self.run),
            )
        )

    def _keep(self, snapshot: TrackedRun) -> TrackedRun:
        if snapshot != self._snapshot:
            self._snapshot = snapshot
        assert self._snapshot is not None
        return self._snapshot

    def _read_config(self) -> None:
        modified = _modified(self.run.config_file)
        if self._config is None or modified != self._config_modified:
            self._config, self._config_modified = self.run.config, modified

    def _read(self) -> bool:
        """Take in what was appended; True where there was something."""
        size = self.run.events_file.stat().st_size if self.run.events_file.exists() else 0
        if size < self._seen.position:  # another file under the same name
            self._seen = _Seen()
        if size == self._seen.position:
            return False
        events, position = follow_events(self.run.events_file, self._seen.position)
        has_news = position != self._seen.position
        self._seen.position = position
        for event in events:
            self._seen.take(event)
        return has_news


@dataclass
class _Seen:
    """What was read of the events so far."""

    position: int = 0
    epochs: dict[int, EpochEvent] = field(default_factory=dict)
    step: StepEvent | None = None
    sampled_epoch: int | None = None
    status: StatusEvent | None = None
    happenings: deque[StatusEvent | NoticeEvent] = field(default_factory=lambda: deque(maxlen=_KEPT_EVENTS))

    def take(self, event: AnyEvent) -> None:
        match event:
            case EpochEvent():
                self.epochs[event.epoch] = event
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
    """Host and devices as `environment.json` has them; empty where it does not say."""
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
