"""One study: trials, dice vs. receptive field, the best of each depth, workers and log."""

import shlex
import time
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.widgets import Static, Tab, Tabs

from tem_rf.runs.events import NoticeEvent, StatusEvent
from tem_rf.runs.view import LIVE_STATES
from tem_rf.study.events import TrialEvent, Worker
from tem_rf.study.view import Happening, StudyView
from tem_rf_tui.study_trials import StudyTrial, best_per_depth, setups_of, trials_of
from tem_rf_tui.widgets.field_plot import FieldPlot, mark_of
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.hint_text import HintText
from tem_rf_tui.widgets.run_table import SIGNS
from tem_rf_tui.widgets.trial_table import TrialTable

_VIEWS = {"trials": "Trials", "plot": "Dice vs. receptive field", "log": "Workers and log"}


class StudyDetail(Vertical):
    """Shows one study, one dataset and recipe at a time; one tab per view in a narrow terminal."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._study: StudyView | None = None
        self._setup = 0
        self._is_best_first = False

    def compose(self) -> ComposeResult:
        yield HintText(id="study-headline", markup=False)
        yield HintText(id="study-progress", markup=False)
        yield Tabs(*(Tab(title, id=f"tab-{name}") for name, title in _VIEWS.items()), id="study-tabs")
        with Container(id="study-views"):
            with Vertical(id="trial-column"):
                yield FilterField("trials")
                yield TrialTable(id="trials")
            with Vertical(id="plot"):
                yield FieldPlot(id="field-plot")
                yield Static(id="best", markup=False)
            with VerticalScroll(id="log"):
                yield Static(id="study-log", markup=False)

    @property
    def chosen(self) -> StudyTrial | None:
        """The trial under the cursor."""
        return self.query_one(TrialTable).chosen

    def show(self, study: StudyView | None) -> None:
        """Show the current state of a study."""
        self.display = study is not None
        if study is None or study is self._study:
            return
        if self._study is None or study.study != self._study.study:
            self._setup = 0
        self._study = study
        self._draw(study)

    def next_setup(self) -> None:
        """Show the next dataset and recipe."""
        if self._study is not None:
            self._setup += 1
            self._draw(self._study)

    def toggle_order(self) -> None:
        """Sort trials best first, or by depth and receptive field."""
        self._is_best_first = not self._is_best_first
        if self._study is not None:
            self._draw(self._study)

    def next_view(self) -> None:
        """Cycle through trials, plot and log, if they are not side by side."""
        self.query_one(Tabs).action_next_tab()

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        """Show another view."""
        for name in _VIEWS:
            self.set_class(event.tab.id == f"tab-{name}", f"-{name}")

    def _draw(self, study: StudyView) -> None:
        setups = setups_of(study)
        self._setup %= max(1, len(setups))
        setup = setups[self._setup] if setups else ""
        trials = trials_of(study, setup)
        self.query_one("#study-headline", Static).update(f"{SIGNS[study.state]} {headline(study)}")
        place = f"{setup} ({self._setup + 1} of {len(setups)}, {{search.dataset}}: next)" if len(setups) > 1 else setup
        self.query_one("#study-progress", Static).update(f"{place} · {progress(study, setup, trials)}" if setup else "")
        if self._is_best_first:
            shown = sorted(trials, key=lambda each: -1.0 if each.mean is None else each.mean, reverse=True)
        else:
            shown = trials
        self.query_one(TrialTable).show(shown)
        self.query_one(FieldPlot).show(trials)
        self.query_one("#best", Static).update(best_text(trials))
        self.query_one("#study-log", Static).update(log_text(study))


def headline(study: StudyView) -> str:
    """Return the state of a study in words, with instructions if it ended early."""
    again = f"press {{search.resume}} to resume (tem-rf study run {shlex.quote(study.study.name)})"
    words = {
        "new": "not started; press {search.resume} to start it",
        "queued": "driver about to start",
        "starting": "starting workers and search",
        "running": "running",
        "stopped": f"stopped; {again}",
        "finished": "finished",
        "failed": f"failed: {study.detail}; {again}",
        "killed": f"driver killed; {again}",
        "unreadable": study.detail,
    }
    return f"{study.study.name}: {words[study.state]}"


def progress(study: StudyView, setup: str, trials: Sequence[StudyTrial]) -> str:
    """Return the finished runs of one setup and the state of the workers on one line."""
    done = sum(trial.seeds_done for trial in trials)
    words = [f"{done} of {study.planned.get(setup, '?')} runs finished"]
    if study.state in LIVE_STATES and study.workers:
        present = [worker for worker in study.workers if worker.state != "lost"]
        words.append(f"{sum(worker.state == 'busy' for worker in present)} of {len(present)} workers busy")
    return " · ".join(words)


def best_text(trials: Sequence[StudyTrial]) -> str:
    """Return the best trial of each depth, one per line."""
    best = best_per_depth(trials)
    width = max((len(trial.field_text) for trial in best), default=0)
    lines = [
        f"{mark_of(trial.architecture.depth)} depth {trial.architecture.depth}  {trial.objective_text:13}  "
        f"{trial.field_text:{width}}  {trial.architecture.name}"
        for trial in best
    ]
    return "\n".join(["Best of each depth (validation hard dice)", *lines]) if lines else "No run has finished yet."


def log_text(study: StudyView) -> str:
    """Return the workers, then the events, newest first."""
    if study.state in LIVE_STATES:
        workers = [_worker_text(worker) for worker in study.workers] or ["No workers connected yet."]
    else:
        workers = ["The study is not running."]
    happenings = [f"{_clock(event.time)}  {_say(event)}" for event in reversed(study.happenings)]
    return "\n".join([*workers, "", *happenings])


def _worker_text(worker: Worker) -> str:
    sign = {"idle": "·", "busy": "▶", "lost": "†"}[worker.state]
    return f"{sign} {worker.name} {worker.state} on {worker.host} {worker.device}  {worker.run}".rstrip()


def _say(event: Happening) -> str:
    match event:
        case NoticeEvent():
            return event.message
        case StatusEvent():
            return f"{event.state} {event.detail}".strip()
        case TrialEvent():
            return f"trial {event.setup} {event.architecture} {event.state}: {event.detail}"
        case _:
            return f"{event.run} {event.state} on {event.worker}" + (f": {event.detail}" if event.detail else "")


def _clock(seconds: float) -> str:
    return time.strftime("%m-%d %H:%M:%S", time.localtime(seconds))
