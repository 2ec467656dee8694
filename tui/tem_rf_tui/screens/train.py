"""Train: the runs, details of one of them, and keys to start, pause, stop and resume them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from tem_rf.errors import TemRfError
from tem_rf.jobs import keep_runs
from tem_rf.jobs.launch import Launched, train_in_background
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.jobs.train import TrainRequest
from tem_rf.runs import RunFolder, process
from tem_rf.runs.extension import extend
from tem_rf.runs.notes import write_notes
from tem_rf.runs.view import LIVE_STATES, RunView
from tem_rf_tui.screens.about_run import AboutRun, AboutRunScreen, QuestionScreen
from tem_rf_tui.screens.base import READING, TabScreen
from tem_rf_tui.screens.new_training import NewTrainingScreen, PlannedTraining
from tem_rf_tui.screens.report import ReportScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.widgets.curves import MAX_CURVES
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.row_table import RowTable
from tem_rf_tui.widgets.run_detail import RunDetail, log_text
from tem_rf_tui.widgets.run_table import RunTable
from tem_rf_tui.wording import counted

_SHOWN_NAMES = 5

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
        Binding("space", "mark", "Mark", tooltip="Mark the run; curves of marked runs are drawn on top of each other"),
        Binding("p", "pause", "Pause", tooltip="Pause the run, or resume a paused run"),
        Binding("s", "stop", "Stop", tooltip="Stop the run after the current step"),
        Binding("r", "resume", "Resume", tooltip="Resume the run from its latest checkpoint"),
        Binding("e", "extend", "Extend", tooltip="Train the run for more epochs"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show runs with all words, also of notes, tags"),
        Binding("v", "next_view", "View", tooltip="Switch between curves, patches, log, settings and machine"),
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
    ]

    @dataclass
    class LaunchedRuns(Message):
        """Runs were added to the queue."""

        launched: list[Launched]

    def __init__(self) -> None:
        super().__init__()
        self._started = ""  # the run to select when it first appears
        self._shown_state: object = None

    def compose(self) -> ComposeResult:
        with Vertical(id="run-column"):
            yield FilterField(id="run-filter")
            yield RunTable(id="runs")
        yield Static(id="no-runs", markup=False)
        yield RunDetail(id="detail")

    def applies(self, action: str) -> bool:
        """Show only the keys for the state of the run under the cursor."""
        run = self.query_one(RunTable).chosen
        state = run.state if run else None
        match action:
            case "new":
                return True
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
        runs = self.tem_rf.runs
        table = self.query_one(RunTable)
        table.show(runs)
        if self._started and table.choose(self._started):
            self._started = ""
        nothing = f"No runs in {self.tem_rf.workspace.runs} yet.\n\nPress n to set up a training."
        words = nothing if self.tem_rf.has_read_runs else READING
        self.show_or_say(table, self.query_one("#no-runs", Static), None if runs else words)
        self._show_detail()

    def show_load(self) -> None:
        """Show the load of the machine."""
        self.query_one(RunDetail).show_load(self.tem_rf.loads)

    def on_row_table_row_highlighted(self, event: RowTable.RowHighlighted) -> None:
        """Show the run under the cursor."""
        event.stop()
        self._show_detail()

    def on_filter_field_words(self, event: FilterField.Words) -> None:
        """Show the runs with these words."""
        table = self.query_one(RunTable)
        table.filter(event.words)
        table.border_subtitle = ""
        self.query_one("#run-filter").border_subtitle = table.count_text
        self._show_detail()

    def on_filter_field_left(self) -> None:
        """Return to the table."""
        self.stand_in(self.query_one(RunTable))

    def action_new(self) -> None:
        """Set up a training."""
        app = self.tem_rf
        form = NewTrainingScreen(app.workspace, str(app.find_dataset() or ""), app.remembered.networks)
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

    def action_mark(self) -> None:
        """Mark a run, or remove its mark."""
        self.query_one(RunTable).toggle_mark()
        self._show_detail()

    def action_unmark(self) -> None:
        """Remove all marks."""
        self.query_one(RunTable).remove_marks()
        self._show_detail()

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one(FilterField).open()

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
        if run := self._chosen():
            self.app.push_screen(ReportScreen(f"Log of {run.run.name}", log_text(run).splitlines(), is_log=True))

    def action_about(self) -> None:
        """Ask for name, note and tags."""
        run = self._chosen()
        if run is None:
            return

        def save(about: AboutRun | None) -> None:
            if about is None:
                return
            try:
                write_notes(run.run, note=about.note, tags=about.tags)
                if about.name != run.run.name:
                    self._started = keep_runs.rename_run(run.run, about.name).name
            except (TemRfError, OSError) as error:
                self.notify(str(error), severity="error", timeout=20)

        self.app.push_screen(AboutRunScreen(run), save)

    def action_archive(self) -> None:
        """Archive the run, or the marked runs."""
        runs = self._marked_or_chosen()
        try:
            keep_runs.archive_runs(runs)
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="error", timeout=20)
            return
        if runs:
            command = f"tem-rf runs restore {' '.join(run.name for run in runs)}"
            self.notify(f"{counted(len(runs), 'run')} archived; `{command}` brings them back", timeout=10)

    def action_delete(self) -> None:
        """Delete the run, or the marked runs, after asking."""
        runs = self._marked_or_chosen()
        if not runs:
            return

        def delete(is_meant: bool | None) -> None:
            if not is_meant:
                return
            try:
                keep_runs.delete_runs(runs)
                self.notify(f"{counted(len(runs), 'run')} deleted")
            except (TemRfError, OSError) as error:
                self.notify(str(error), severity="error", timeout=20)

        names = ", ".join(run.name for run in runs[:_SHOWN_NAMES])
        more = f" and {len(runs) - _SHOWN_NAMES} more" if len(runs) > _SHOWN_NAMES else ""
        question = f"Delete {names}{more} with networks, scores and masks? This cannot be undone."
        self.app.push_screen(QuestionScreen(question), delete)

    def action_queue(self, by: int) -> None:
        """Move a waiting run in the queue."""
        run = self._chosen()
        if run is None:
            return
        try:
            queue = TrainingQueue.of(run.run.path.parent)
            names = [entry.run for entry in queue.read().waiting]
            if run.run.name not in names:
                self.notify(f"{run.run.name}: is not waiting in the queue.", severity="warning")
                return
            queue.move(run.run.name, max(1, names.index(run.run.name) + 1 + by))
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="warning", timeout=10)
        self._show_detail()

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

    def _show_detail(self) -> None:
        table = self.query_one(RunTable)
        run = table.chosen
        self.query_one(RunDetail).show(run, tuple(table.marked[-MAX_CURVES:]), self._queue_text(run))
        state = (run.run, run.state) if run else None
        if state != self._shown_state:
            self._shown_state = state
            self.screen.refresh_bindings()

    def _queue_text(self, run: RunView | None) -> str:
        """Return the position of a waiting run in the queue; empty if it is not waiting."""
        if run is None or run.state != "queued":
            return ""
        try:
            names = [entry.run for entry in TrainingQueue.of(run.run.path.parent).read().waiting]
        except (TemRfError, OSError):
            return ""
        if run.run.name not in names:
            return ""
        return f"position {names.index(run.run.name) + 1} of {len(names)}; < and > move it"

    def _marked_or_chosen(self) -> list[RunFolder]:
        marked = self.query_one(RunTable).marked
        if marked:
            return [run.run for run in marked]
        run = self._chosen()
        return [run.run] if run else []

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
        return f"{one.run.name}: {_state_text(one)}{place}"
    counts = Counter(map(_state_text, launched))
    return f"{len(launched)} runs: {', '.join(f'{count} {text}' for text, count in counts.items())}"


def _state_text(launched: Launched) -> str:
    text = _LAUNCHED[launched.state]
    return text if launched.is_new or text.startswith("already") else f"already {text}"
