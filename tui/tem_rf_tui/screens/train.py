"""Train: the runs, details of one of them, and keys to start, pause, stop and resume them."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from tem_rf.errors import TemRfError
from tem_rf.jobs.launch import Launched, train_in_background
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.jobs.train import TrainRequest
from tem_rf.runs import RunFolder, process
from tem_rf.runs.extension import extend
from tem_rf.runs.view import LIVE_STATES, RunView
from tem_rf_tui.key_names import named
from tem_rf_tui.launched import launched_text
from tem_rf_tui.screens.base import READING
from tem_rf_tui.screens.new_training import NewTrainingScreen, PlannedTraining
from tem_rf_tui.screens.report import ReportScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.screens.run_keeping import RunKeepingScreen
from tem_rf_tui.widgets.curves import MAX_CURVES
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.row_table import RowTable
from tem_rf_tui.widgets.run_detail import RunDetail, log_text
from tem_rf_tui.widgets.run_table import RunTable

_SHOWN_NAMES = 5


class TrainScreen(RunKeepingScreen):
    """Runs and their curves."""

    BINDINGS = named(
        "train",
        Binding("n", "new", "New", tooltip="Set up one or more runs"),
        Binding("space", "mark", "Mark", tooltip="Mark the run; curves of marked runs are drawn on top of each other"),
        Binding("p", "pause", "Pause", tooltip="Pause the run, or resume a paused run"),
        Binding("s", "stop", "Stop", tooltip="Stop the run after the current step"),
        Binding("r", "resume", "Resume", tooltip="Resume the run from its latest checkpoint"),
        Binding("e", "extend", "Extend", tooltip="Train the run for more epochs"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show runs with all words, also of notes, tags"),
        Binding("v", "next_view", "View", tooltip="Switch between curves, patches, log, settings and machine"),
        Binding("a", "studies", "Studies", show=False, tooltip="List the runs of studies too, or not"),
        Binding("m", "about", "Note", show=False, tooltip="Name, note and tags of the run"),
        Binding("l", "log_scale", "Log", show=False, tooltip="Switch the loss axis between linear and logarithmic"),
        Binding("x", "axis", "Axis", show=False, tooltip="Draw curves against epochs, steps or time in training"),
        Binding("w", "smooth", "Smooth", show=False, tooltip="Smooth the curves, more, or not at all"),
        Binding("u", "unmark", "Unmark", show=False, tooltip="Remove all marks"),
        Binding("o", "sort", "Sort", show=False, tooltip="Sort by the next column (or click its title)"),
        Binding("O", "reverse", "Reverse", show=False, tooltip="Reverse the order"),
        Binding("L", "read_log", "Read log", show=False, tooltip="Read and search the whole log of the run"),
        Binding("less_than_sign", "queue(-1)", "Earlier", show=False, tooltip="Move a waiting run up in the queue"),
        Binding("greater_than_sign", "queue(1)", "Later", show=False, tooltip="Move a waiting run down in the queue"),
        Binding("A", "archive", "Archive", show=False, tooltip="Move the run, or the marked ones, to runs/archive/"),
        Binding("D", "delete", "Delete", show=False, tooltip="Delete the run, or the marked ones, after asking"),
        Binding("full_stop", "patch(1)", "Next", key_display=".", show=False, tooltip="Next validation patch"),
        Binding("comma", "patch(-1)", "Previous", key_display=",", show=False, tooltip="Previous validation patch"),
    )

    @dataclass
    class LaunchedRuns(Message):
        """Runs were added to the queue."""

        launched: list[Launched]

    def __init__(self) -> None:
        super().__init__()
        self._started = ""  # the run to select when it first appears
        self._shown_state: object = None
        self._has_studies = False  # whether their runs are listed
        self._to_mark: set[Path] = set()  # runs of studies, once they are listed

    def compose(self) -> ComposeResult:
        with Vertical(id="run-column"):
            yield FilterField("runs")
            yield RunTable(self.tem_rf.workspace.studies, id="runs")
        yield Static(id="no-runs", markup=False)
        yield RunDetail(id="detail")

    def applies(self, action: str) -> bool:
        """Show only the keys for the state of the run under the cursor."""
        table = self.query_one(RunTable)
        run, state = table.chosen, table.chosen.state if table.chosen else None
        match action:
            case "new":
                return True
            case "pause" | "stop" | "resume" | "extend" if run and table.study_of(run.run):
                return False
            case "pause":
                return state in ("running", "paused")
            case "stop":
                return state in LIVE_STATES
            case "resume":
                return state in ("new", "stopped", "failed", "killed")
            case _:
                return run is not None

    def activate(self) -> None:
        """Focus the table."""
        self.stand_in(self.query_one(RunTable))

    def show_runs(self) -> None:
        """Show the current runs."""
        of_studies = itertools.chain(*self.study_runs.values()) if self._has_studies else ()
        runs = [*self.tem_rf.runs, *of_studies]
        table = self.query_one(RunTable)
        table.show(runs)
        if self._to_mark:
            self._to_mark -= table.mark(self._to_mark)
        if self._started and table.choose(self._started):
            self._started = ""
        words = "Press {train.new} to set up a training, {train.studies} to list the runs of studies."
        nothing = f"No runs in {self.tem_rf.workspace.runs} yet.\n\n{words}"
        words = nothing if self.tem_rf.has_read_runs else READING
        self.query_one("#run-column").display = bool(runs)
        self.show_or_say(table, self.query_one("#no-runs", Static), None if runs else words)
        self.show_detail()

    def show_load(self) -> None:
        """Show the load of the machine."""
        self.query_one(RunDetail).show_load(self.tem_rf.loads)

    def on_row_table_row_highlighted(self, event: RowTable.RowHighlighted) -> None:
        """Show the run under the cursor."""
        event.stop()
        self.show_detail()

    def filter_list(self, name: str, words: str) -> None:
        """Show the runs with these words."""
        super().filter_list(name, words)
        self.show_detail()

    def select_later(self, run: str) -> None:
        """Select a run when it first appears."""
        self._started = run

    def action_new(self) -> None:
        """Set up a training."""
        app = self.tem_rf
        form = NewTrainingScreen(app.workspace, str(app.find_dataset() or ""), app.remembered.networks)
        app.push_screen(form, self._start)

    def action_pause(self) -> None:
        """Pause or resume."""
        run = self.own()
        if run is None:
            return
        if process.requested(run.run) == "pause" and run.state in ("running", "paused"):
            process.clear_request(run.run)
            self.notify(f"{run.run.name}: resume requested")
        else:
            self._ask(run, "pause")

    def action_stop(self) -> None:
        """Stop after the current step."""
        if run := self.own():
            self._ask(run, "stop")

    def action_resume(self) -> None:
        """Resume from the latest checkpoint."""
        run = self.own()
        if run is None:
            return
        if run.state == "paused":
            self.action_pause()
        elif run.state == "finished":
            self.notify(f"{run.run.name}: is already finished.")
        elif process.is_alive(run.run):
            self.notify(f"{run.run.name}: is already training.", severity="warning")
        else:
            self.train_again(run.run)

    def action_extend(self) -> None:
        """Ask for the number of epochs, then resume; a run in training reads it at the end of its epoch."""
        run = self.own()
        if run is None:
            return

        def extend_run(request: TrainRequest | None) -> None:
            if request is not None:
                self._extend(run.run, request.training.epochs)

        form = CommandForm(
            f"Extend {run.run.name}",
            TrainRequest,
            only=("epochs",),
            start={"epochs": 2 * max(1, run.total_epochs)},
            fixed={"dataset": run.config.dataset if run.config else "."},
        )
        self.app.push_screen(form, extend_run)

    def overlay(self, runs: Iterable[Path]) -> None:
        """List the runs of studies, and mark some of them, so that their curves are drawn."""
        self._to_mark |= set(runs)
        if self._has_studies:
            self.show_runs()
        else:
            self.action_studies()

    def action_studies(self) -> None:
        """List the runs of studies, or not."""
        self._has_studies = not self._has_studies
        if self._has_studies:
            self.watch_studies()
        else:
            self.workers.cancel_group(self, "studies")
        self.show_runs()

    def action_mark(self) -> None:
        """Mark a run, or remove its mark."""
        self.query_one(RunTable).toggle_mark()
        self.show_detail()

    def action_unmark(self) -> None:
        """Remove all marks."""
        self.query_one(RunTable).remove_marks()
        self.show_detail()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.query_one(RunTable).next_sort()

    def action_reverse(self) -> None:
        """Reverse the order."""
        self.query_one(RunTable).reverse()

    def action_axis(self) -> None:
        """Draw the curves against epochs, steps or time."""
        self.query_one(RunDetail).next_axis()

    def action_smooth(self) -> None:
        """Smooth the curves, or not."""
        self.query_one(RunDetail).next_smoothing()

    def action_read_log(self) -> None:
        """Read the whole log."""
        if run := self.chosen():
            self.app.push_screen(ReportScreen(f"Log of {run.run.name}", log_text(run).splitlines(), is_log=True))

    def action_log_scale(self) -> None:
        """Switch the loss axis between linear and logarithmic."""
        self.query_one(RunDetail).toggle_log_scale()

    def action_next_view(self) -> None:
        """Switch between curves, patches, log and settings."""
        self.query_one(RunDetail).next_view()

    def action_patch(self, by: int) -> None:
        """Show another validation patch."""
        self.query_one(RunDetail).next_patch(by)

    def train_again(self, run: RunFolder) -> None:
        """Resume a run from its latest checkpoint."""
        self._start(PlannedTraining([run]))

    def _extend(self, run: RunFolder, epochs: int) -> None:
        try:
            extend(run, epochs)
            is_alive = process.is_alive(run)
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="error", timeout=20)
            return
        if is_alive:
            self.notify(f"{run.name}: extended to {epochs} epochs")
        else:
            self.train_again(run)

    def on_train_screen_launched_runs(self, message: LaunchedRuns) -> None:
        """Show the new state of the runs."""
        self.notify(launched_text(message.launched))

    @work(thread=True, group="launch", description="start runs")
    def _launch(self, runs: list[RunFolder], evaluate: bool) -> None:
        try:
            self.post_message(self.LaunchedRuns(train_in_background(runs, evaluate=evaluate)))
        except (TemRfError, OSError) as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", timeout=20)

    def _start(self, training: PlannedTraining | None) -> None:
        if training is None:
            return
        self._started = training.runs[0].name
        if training.launched:
            self.notify(launched_text(training.launched))
        else:
            self._launch(training.runs, training.evaluate)

    def _ask(self, run: RunView, request: process.Request) -> None:
        try:
            queue = TrainingQueue.of(run.run.path.parent)
            if not process.is_alive(run.run) and queue.holds(run.run):
                if request == "stop":
                    queue.remove(run.run.name)
                    self.notify(f"{run.run.name}: removed from the queue")
                else:
                    self.notify(
                        f"{run.run.name}: is waiting in the queue; press {{train.stop}} to remove it.",
                        severity="warning",
                    )
                return
            process.ask(run.run, request)
            self.notify(f"{run.run.name}: {request} requested")
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="warning", timeout=10)

    def show_detail(self) -> None:
        table = self.query_one(RunTable)
        run = table.chosen
        self.query_one(RunDetail).show(run, tuple(table.marked[-MAX_CURVES:]), self.queue_text(run))
        state = (run.run, run.state) if run else None
        if state != self._shown_state:
            self._shown_state = state
            self.screen.refresh_bindings()
