"""Follow the studies of a folder: reads only what was appended since the last look."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tem_rf.errors import TemRfError
from tem_rf.runs.events import NoticeEvent, State, StatusEvent
from tem_rf.runs.process import state_after
from tem_rf.study.definition.definition import StudyDefinition
from tem_rf.study.events import AnyStudyEvent, RunEvent, TrialEvent, Worker, WorkersEvent, follow_study_events
from tem_rf.study.folder import StudyFolder, list_studies
from tem_rf.study.summary import planned_runs
from tui.tracking import RunTracker, TrackedRun

Happening = StatusEvent | NoticeEvent | TrialEvent | RunEvent
_KEPT_EVENTS = 200


@dataclass(frozen=True)
class TrackedStudy:
    """A study at one moment.

    Attributes:
        study: The study folder.
        state: State of its driver; `unreadable` where its definition cannot be read.
        detail: What the last status says beyond its state, or why the study cannot be read.
        definition: What the study is; None where that cannot be read.
        workers: The workers, as the driver saw them last.
        trials: The last event of each trial, by setup and architecture.
        happenings: The last changes of state, mishaps and notices, oldest first.
        planned: Trainings that each setup is to have; empty where a dataset is gone, or nobody looked.
        runs: The runs as they were when somebody last looked; empty before.
    """

    study: StudyFolder
    state: State | Literal["killed", "new", "unreadable"]
    detail: str = ""
    definition: StudyDefinition | None = None
    workers: tuple[Worker, ...] = ()
    trials: Mapping[tuple[str, str], TrialEvent] = field(default_factory=dict)
    happenings: tuple[Happening, ...] = ()
    planned: Mapping[str, int] = field(default_factory=dict)
    runs: tuple[TrackedRun, ...] = ()


class StudyTracker:
    """Looks at all studies of a folder again and again, and at the runs of one of them.

    Args:
        root: Folder of the studies; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._followers: dict[str, _Follower] = {}

    def poll(self, watched: str = "") -> list[TrackedStudy]:
        """The studies as they are now, by name; one that has not changed is the same object as before.

        Args:
            watched: Name of the study whose runs are looked at; the first where it is not there.
        """
        try:
            studies = list_studies(self._root)
        except OSError:  # removed a moment ago, or may not be read
            studies = []
        self._followers = {study.name: self._followers.get(study.name) or _Follower(study) for study in studies}
        if watched not in self._followers:
            watched = next(iter(self._followers), "")
        return [follower.poll(with_runs=name == watched) for name, follower in self._followers.items()]


class _Follower:
    """What is known of one study, and how far its events are read."""

    def __init__(self, study: StudyFolder) -> None:
        self._study = study
        self._runs = RunTracker(study.runs_folder)
        self._definition: StudyDefinition | None = None
        self._planned: dict[str, int] | None = None
        self._defined_at = 0
        self._seen = _Seen()
        self._snapshot: TrackedStudy | None = None

    def poll(self, *, with_runs: bool) -> TrackedStudy:
        try:
            self._define()
            self._read()
            now = state_after(self._seen.status, self._study)
        except (TemRfError, OSError) as error:  # damaged, or removed a moment ago
            return self._keep(TrackedStudy(self._study, "unreadable", str(error)))
        if with_runs and self._planned is None:
            self._planned = _planned(self._definition)
        return self._keep(
            TrackedStudy(
                self._study,
                now,
                detail=self._seen.status.detail if self._seen.status else "",
                definition=self._definition,
                workers=self._seen.workers,
                trials=dict(self._seen.trials),
                happenings=tuple(self._seen.happenings),
                planned=self._planned or {},
                runs=tuple(self._runs.poll()) if with_runs else self._runs_before(),
            )
        )

    def _runs_before(self) -> tuple[TrackedRun, ...]:
        return self._snapshot.runs if self._snapshot else ()

    def _keep(self, snapshot: TrackedStudy) -> TrackedStudy:
        if self._snapshot is None or snapshot != self._snapshot:
            self._snapshot = snapshot
        return self._snapshot

    def _define(self) -> None:
        """Read the definition; again where the study was extended."""
        written_at = self._study.definition_file.stat().st_mtime_ns
        if written_at != self._defined_at:
            self._definition, self._planned, self._defined_at = self._study.definition, None, written_at

    def _read(self) -> None:
        file = self._study.events_file
        size = file.stat().st_size if file.exists() else 0
        if size < self._seen.position:  # another study under the same name
            self._seen = _Seen()
        if size > self._seen.position:
            events, self._seen.position = follow_study_events(file, self._seen.position)
            for event in events:
                self._seen.take(event)


@dataclass
class _Seen:
    """What was read of the events so far."""

    position: int = 0
    status: StatusEvent | None = None
    workers: tuple[Worker, ...] = ()
    trials: dict[tuple[str, str], TrialEvent] = field(default_factory=dict)
    happenings: deque[Happening] = field(default_factory=lambda: deque(maxlen=_KEPT_EVENTS))

    def take(self, event: AnyStudyEvent) -> None:
        match event:
            case StatusEvent():
                self.status = event
            case WorkersEvent():
                self.workers = event.workers
            case TrialEvent():
                self.trials[event.setup, event.architecture] = event
        is_routine = isinstance(event, TrialEvent | RunEvent) and event.state in ("started", "finished")
        if not isinstance(event, WorkersEvent) and not is_routine:
            self.happenings.append(event)


def _planned(definition: StudyDefinition | None) -> dict[str, int]:
    try:
        return planned_runs(definition) if definition else {}
    except (TemRfError, OSError):  # a dataset is gone or cannot be read, which its trainings say
        return {}
