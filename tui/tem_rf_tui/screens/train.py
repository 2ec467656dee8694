"""Train: the runs, details of one of them, and keys to start, pause, stop and resume them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Static

from tem_rf.errors import TemRfError
from tem_rf.jobs.launch import Launched, train_in_background
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.jobs.train import TrainRequest
from tem_rf.runs import RunFolder, process
from tem_rf.runs.extension import extend
from tem_rf.runs.view import RunView
from tem_rf_tui.screens.base import READING, TabScreen
from tem_rf_tui.screens.new_training import NewTrainingScreen, PlannedTraining
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.widgets.row_table import RowTable
from tem_rf_tui.widgets.run_detail import RunDetail
from tem_rf_tui.widgets.run_table import RunTable

_LAUNCHED = {
    "starting": "starting",
    "queued": "waiting in the queue",
    "training": "already training",
    "finished": "already finished",
}


class TrainScreen(TabScreen):
    """Runs and their curves."""

    BINDINGS = [
        Binding("n", "new", "New", tooltip="Set up one or more runs"),
        Binding("p", "pause", "Pause", tooltip="Pause the run, or resume a paused run"),
        Binding("s", "stop", "Stop", tooltip="Stop the run after the current step"),
        Binding("r", "resume", "Resume", tooltip="Resume the run from its latest checkpoint"),
        Binding("e", "extend", "Extend", tooltip="Train the run for more epochs"),
        Binding("l", "log_scale", "Log", tooltip="Switch the loss axis between linear and logarithmic"),
        Binding("v", "next_view", "View", tooltip="Switch between curves, patches, log and settings"),
        Binding("full_stop", "patch(1)", "Next", key_display=".", show=False, tooltip="Next validation patch"),
        Binding("comma", "patch(-1)", "Previous", key_display=",", show=False, tooltip="Previous validation patch"),
    ]

    @dataclass
    class LaunchedRuns(Message):
        """Runs were added to the queue."""

        launched: list[Launched]

    def __init__(self) -> None:
        super().__init__()
        self._started = ""  # the run to select when it first appears

    def compose(self) -> ComposeResult:
        yield RunTable(id="runs")
        yield Static(id="no-runs", markup=False)
        yield RunDetail(id="detail")

    def activate(self) -> None:
        """Focus the table."""
        self.stand_in(self.query_one(RunTable))

    def show_runs(self) -> None:
        """Show the current runs."""
        runs = self.tem_rf.runs
        table = self.query_one(RunTable)
        table.show(runs)
        if self._started and table.choose(self._started):
            self._started = ""
        nothing = f"No runs in {self.tem_rf.workspace.runs} yet.\n\nPress n to set up a training."
        words = nothing if self.tem_rf.has_read_runs else READING
        self.show_or_say(table, self.query_one("#no-runs", Static), None if runs else words)
        self.query_one(RunDetail).show(table.chosen)

    def on_row_table_row_highlighted(self, event: RowTable.RowHighlighted) -> None:
        """Show the run under the cursor."""
        event.stop()
        self.query_one(RunDetail).show(self.query_one(RunTable).chosen)

    def action_new(self) -> None:
        """Set up a training."""
        app = self.tem_rf
        form = NewTrainingScreen(app.workspace, app.dataset, app.remembered.networks)
        app.push_screen(form, self._start)

    def action_pause(self) -> None:
        """Pause or resume."""
        run = self._chosen()
        if run is None:
            return
        if process.requested(run.run) == "pause" and run.state in ("running", "paused"):
            process.clear_request(run.run)
            self.notify(f"{run.run.name}: resume requested")
        else:
            self._ask(run, "pause")

    def action_stop(self) -> None:
        """Stop after the current step."""
        if run := self._chosen():
            self._ask(run, "stop")

    def action_resume(self) -> None:
        """Resume from the latest checkpoint."""
        run = self._chosen()
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
        run = self._chosen()
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
        if training is not None:
            self._started = training.runs[0].name
            self._launch(training.runs, training.evaluate)

    def _ask(self, run: RunView, request: process.Request) -> None:
        try:
            queue = TrainingQueue.of(run.run.path.parent)
            if not process.is_alive(run.run) and queue.holds(run.run):
                if request == "stop":
                    queue.remove(run.run.name)
                    self.notify(f"{run.run.name}: removed from the queue")
                else:
                    self.notify(f"{run.run.name}: is waiting in the queue; press s to remove it.", severity="warning")
                return
            process.ask(run.run, request)
            self.notify(f"{run.run.name}: {request} requested")
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="warning", timeout=10)

    def _chosen(self) -> RunView | None:
        run = self.query_one(RunTable).chosen
        if run is None:
            self.notify("No runs yet; press n to set up a training.", severity="warning")
        return run


def launched_text(launched: Sequence[Launched]) -> str:
    """Return the new state of runs in words."""
    if len(launched) == 1:
        (one,) = launched
        place = f", position {one.position}" if one.position else ""
        return f"{one.run.name}: {_LAUNCHED[one.state]}{place}"
    counts = Counter(one.state for one in launched)
    return f"{len(launched)} runs: {', '.join(f'{count} {_LAUNCHED[state]}' for state, count in counts.items())}"
