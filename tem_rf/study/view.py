"""One view of a study for commands and the app: state, workers, trials, how many trainings are done.

`view_study` looks once. `StudyTracker` looks again and again, and reads only what was appended meanwhile.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tem_rf.errors import TemRfError
from tem_rf.runs.events import NoticeEvent, State, StatusEvent
from tem_rf.runs.process import state_after
from tem_rf.runs.view import RunTracker, RunView
from tem_rf.study.definition.definition import StudyDefinition
from tem_rf.study.definition.space import planned_runs
from tem_rf.study.events import AnyStudyEvent, RunEvent, TrialEvent, Worker, WorkersEvent, follow_study_events
from tem_rf.study.folder import StudyFolder, list_studies

Happening = StatusEvent | NoticeEvent | TrialEvent | RunEvent
_KEPT_HAPPENINGS = 200


@dataclass(frozen=True)
class StudyView:
    """A study at one moment.

    Attributes:
        study: The study folder.
        state: State of its driver; `killed` if its process is gone without a final state, `unreadable` if the
            definition cannot be read.
        detail: Detail of the last status, or why the study cannot be read.
        definition: What the study is; None if that cannot be read.
        workers: The workers, as the driver saw them last.
        trials: The last event of each trial, by setup and architecture.
        happenings: The last changes of state, mishaps and notices, oldest first.
        planned: Trainings that each part is to have; empty if a dataset is gone, or the runs were not looked at.
        runs: The runs when they were last looked at; empty before.
    """

    study: StudyFolder
    state: State | Literal["killed", "new", "unreadable"]
    detail: str = ""
    definition: StudyDefinition | None = None
    workers: tuple[Worker, ...] = ()
    trials: Mapping[tuple[str, str], TrialEvent] = field(default_factory=dict)
    happenings: tuple[Happening, ...] = ()
    planned: Mapping[str, int] = field(default_factory=dict)
    runs: tuple[RunView, ...] = ()

    @property
    def setups(self) -> int:
        """Datasets times recipes."""
        return len(self.definition.setups()) if self.definition else 0

    @property
    def runs_finished(self) -> int:
        """Runs with all epochs that they are asked for."""
        return sum(run.is_complete for run in self.runs)

    @property
    def runs_failed(self) -> int:
        """Runs that failed for good, or are about to be tried again."""
        return sum(run.state == "failed" for run in self.runs)

    @property
    def runs_planned(self) -> int | None:
        """Runs that the study is to have; None if a dataset is gone."""
        return sum(self.planned.values()) if self.planned else None


def view_study(study: StudyFolder) -> StudyView:
    """Look at a study and its runs once.

    Raises:
        StudyError: The folder holds no study, or its definition cannot be read.
    """
    return _Follower(study).look(with_runs=True)


class StudyTracker:
    """Looks at all studies of a folder again and again, and at the runs of one of them.

    Args:
        root: Folder of the studies; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._followers: dict[str, _Follower] = {}

    def poll(self, watched: str | None = "") -> list[StudyView]:
        """The studies as they are now, by name; one that has not changed is the same object as before.

        Args:
            watched: Name of the study whose runs are looked at; the first if there is none of this name; None: of no
                study.
        """
        try:
            studies = list_studies(self._root)
        except OSError:  # removed a moment ago, or may not be read
            studies = []
        self._followers = {study.name: self._followers.get(study.name) or _Follower(study) for study in studies}
        if watched is not None and watched not in self._followers:
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
        self._position = 0
        self._history = _History()
        self._view: StudyView | None = None

    def poll(self, *, with_runs: bool) -> StudyView:
        try:
            return self.look(with_runs=with_runs)
        except (TemRfError, OSError) as error:  # damaged, or removed a moment ago
            return self._keep(StudyView(self._study, "unreadable", str(error)))

    def look(self, *, with_runs: bool) -> StudyView:
        self._define()
        self._read()
        history = self._history
        now = state_after(history.status, self._study)
        if with_runs and self._planned is None:
            self._planned = _planned(self._definition)
        return self._keep(
            StudyView(
                self._study,
                now,
                detail=history.status.detail if history.status else "",
                definition=self._definition,
                workers=history.workers,
                trials=dict(history.trials),
                happenings=tuple(history.happenings),
                planned=self._planned or {},
                runs=tuple(self._runs.poll()) if with_runs else self._runs_before(),
            )
        )

    def _runs_before(self) -> tuple[RunView, ...]:
        return self._view.runs if self._view else ()

    def _keep(self, view: StudyView) -> StudyView:
        if self._view is None or view != self._view:
            self._view = view
        return self._view

    def _define(self) -> None:
        """Read the definition; again if the study was extended."""
        file = self._study.definition_file
        written_at = file.stat().st_mtime_ns if file.exists() else 0
        if self._definition is None or written_at != self._defined_at:
            self._definition, self._planned, self._defined_at = self._study.definition, None, written_at

    def _read(self) -> None:
        file = self._study.events_file
        size = file.stat().st_size if file.exists() else 0
        if size < self._position:  # another study under the same name
            self._position, self._history = 0, _History()
        if size > self._position:
            events, self._position = follow_study_events(file, self._position)
            for event in events:
                self._history.take(event)


@dataclass
class _History:
    """What the events of a study came to so far."""

    status: StatusEvent | None = None
    workers: tuple[Worker, ...] = ()
    trials: dict[tuple[str, str], TrialEvent] = field(default_factory=dict)
    happenings: deque[Happening] = field(default_factory=lambda: deque(maxlen=_KEPT_HAPPENINGS))

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
