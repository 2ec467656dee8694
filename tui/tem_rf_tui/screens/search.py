"""Search: studies, details of one of them, and keys to start, stop and resume them."""

import time
from dataclasses import dataclass

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static, Tabs
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf.runs import process
from tem_rf.runs.view import LIVE_STATES
from tem_rf.study.folder import StudyFolder
from tem_rf.study.view import StudyTracker, StudyView
from tem_rf_tui.key_names import named
from tem_rf_tui.messages import CurvesRequested
from tem_rf_tui.screens.base import READING, TabScreen
from tem_rf_tui.screens.new_study import NewStudyScreen
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.row_table import RowTable
from tem_rf_tui.widgets.study_detail import StudyDetail
from tem_rf_tui.widgets.study_table import StudyTable
from tem_rf_tui.widgets.trial_table import TrialTable
from tem_rf_tui.wording import counted

_WATCH_INTERVAL_S = 0.5


class SearchScreen(TabScreen):
    """Studies and their trials."""

    BINDINGS = named(
        "search",
        Binding("n", "new", "New", tooltip="Define a study and start it"),
        Binding("s", "stop", "Stop", tooltip="Stop the study after the current training step of each run"),
        Binding("K", "cancel", "Cancel", show=False, tooltip="Cancel the study at once, killing its runs"),
        Binding("x", "cancel_trial", "Stop trial", tooltip="Stop the runs of the trial; the study continues"),
        Binding("r", "resume('')", "Resume", tooltip="Resume the study"),
        Binding("R", "resume('--retry-failed')", "Retry", show=False, tooltip="Resume, and retry failed trials"),
        Binding("c", "curves", "Curves", tooltip="Draw the curves of the runs of this trial on the Train screen"),
        Binding("d", "next_setup", "Dataset", show=False, tooltip="Next dataset and recipe of the study"),
        Binding("o", "order", "Sort", show=False, tooltip="Sort trials by depth and receptive field, or best first"),
        Binding("v", "next_view", "View", tooltip="Switch between trials, plot, workers and log"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show studies or trials with all words"),
    )

    @dataclass
    class StudiesChanged(Message):
        """At least one study has changed."""

        studies: list[StudyView]

    def __init__(self) -> None:
        super().__init__()
        self._studies: list[StudyView] = []
        self._has_read = False
        self._watched = ""  # name of the study whose runs are watched
        self._started = ""  # the study to select when it first appears
        self._shown_state: object = None

    def compose(self) -> ComposeResult:
        yield FilterField("studies")
        yield StudyTable(id="studies")
        yield Static(id="no-studies", markup=False)
        yield StudyDetail(id="study")

    def on_mount(self) -> None:
        """Start watching."""
        self._show()
        self._watch()

    def applies(self, action: str) -> bool:
        """Show only the keys for the state of the study, and none to switch views that are side by side."""
        study = self._watched_study()
        has_trial = study is not None and self.query_one(StudyDetail).chosen is not None
        match action:
            case "new":
                return True
            case "next_view":
                return study is not None and not self.is_wide
            case "stop":
                return study is not None and study.state in LIVE_STATES
            case "cancel_trial":
                return study is not None and study.state in LIVE_STATES and has_trial
            case "curves":
                return has_trial
            case "resume":
                return study is not None and study.state not in LIVE_STATES and study.state != "finished"
            case _:
                return study is not None

    def activate(self) -> None:
        """Focus the trials if there is only one study, otherwise the studies."""
        self.stand_in(self.query_one(TrialTable if len(self._studies) == 1 else StudyTable))

    def on_search_screen_studies_changed(self, message: StudiesChanged) -> None:
        """Show the current studies."""
        is_first = not self._studies
        self._studies, self._has_read = message.studies, True
        self._show()
        if is_first and self.screen.focused in (self, self.query_one(StudyTable)):
            self.activate()

    def on_row_table_row_highlighted(self, event: RowTable.RowHighlighted) -> None:
        """Show the study under the cursor."""
        event.stop()
        if isinstance(event.table, StudyTable):
            self._watched = event.table.chosen_name
            self._show_detail()

    def on_row_table_row_selected(self, event: RowTable.RowSelected) -> None:
        """Go from the studies to the trials."""
        event.stop()
        if isinstance(event.table, StudyTable):
            self.query_one(TrialTable).focus()

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        """Keep the focus when another view replaces the focused one."""
        event.stop()
        if self.screen.focused in (None, self, self.query_one(TrialTable)):
            self.call_after_refresh(lambda: self.stand_in(self.query_one(TrialTable)))

    def filter_list(self, name: str, words: str) -> None:
        """Show the studies or trials with these words."""
        super().filter_list(name, words)
        self._watched = self.query_one(StudyTable).chosen_name
        self._show_detail()

    def action_new(self) -> None:
        """Define a study."""
        app = self.tem_rf
        form = NewStudyScreen(app.workspace, app.dataset, [study.study.name for study in self._studies])

        def start(study: StudyFolder | None) -> None:
            if study is not None:
                self._started = study.name
                self._run(study)

        app.push_screen(form, start)

    def action_stop(self) -> None:
        """Stop after the current step."""
        self._ask("stop")

    def action_cancel(self) -> None:
        """Cancel at once."""
        self._ask("cancel")

    def action_cancel_trial(self) -> None:
        """Stop the runs of a trial."""
        trial = self.query_one(StudyDetail).chosen
        if trial is None:
            self.notify("No trials yet.", severity="warning")
            return
        asked = 0
        for run in trial.runs:
            try:
                process.ask(run.run, "stop")
                asked += 1
            except (TemRfError, OSError):  # finished, or waiting for a worker
                continue
        if asked:
            self.notify(f"{trial.name}: stop requested for {counted(asked, 'run')}; the trial will count as failed.")
        else:
            self.notify(f"{trial.name}: no run is training.", severity="warning")

    def action_curves(self) -> None:
        """Draw the curves of the runs of a trial on the Train screen, with those of trials marked before."""
        trial = self.query_one(StudyDetail).chosen
        if trial is None:
            self.notify("No trials yet.", severity="warning")
        else:
            self.post_message(CurvesRequested([run.run.path for run in trial.runs]))

    def action_resume(self, option: str) -> None:
        """Resume the study."""
        study = self._chosen()
        if study is None:
            return
        if process.is_alive(study.study):
            self.notify(f"{study.study.name}: is already running.", severity="warning")
        else:
            self._run(study.study, *filter(None, [option]))

    def action_next_setup(self) -> None:
        """Go to the next dataset and recipe."""
        self.query_one(StudyDetail).next_setup()

    def action_order(self) -> None:
        """Change the order of the trials."""
        self.query_one(StudyDetail).toggle_order()

    def action_next_view(self) -> None:
        """Switch between trials, plot and log."""
        self.query_one(StudyDetail).next_view()

    def _run(self, study: StudyFolder, *options: str) -> None:
        command = ("study", "run", str(study.path), "--detach", *options)
        self.tem_rf.start_command(f"study {study.name}", *command, ending="launched; it runs in the background")

    def _ask(self, request: process.Request) -> None:
        study = self._chosen()
        if study is None:
            return
        try:
            process.ask(study.study, request)
            self.notify(f"{study.study.name}: {request} requested")
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="warning", timeout=10)

    def _chosen(self) -> StudyView | None:
        found = self._watched_study()
        if found is None:
            self.notify("No studies yet; press {search.new} to define one.", severity="warning")
        return found

    def _watched_study(self) -> StudyView | None:
        return next((study for study in self._studies if study.study.name == self._watched), None)

    def _show(self) -> None:
        table = self.query_one(StudyTable)
        table.show(self._studies)
        if self._started and table.choose(self._started):
            self._started = ""
        self._watched = table.chosen_name
        nothing = f"No studies in {self.tem_rf.workspace.studies} yet.\n\n"
        nothing += "Press {search.new} to define and start one."
        words = nothing if self._has_read else READING
        self.show_or_say(table, self.query_one("#no-studies", Static), None if self._studies else words)
        self._show_detail()

    def _show_detail(self) -> None:
        study = self._watched_study()
        self.query_one(StudyDetail).show(study)
        state = (study.study, study.state, self.query_one(StudyDetail).chosen is None) if study else None
        if state != self._shown_state:
            self._shown_state = state
            self.screen.refresh_bindings()

    @work(thread=True, exclusive=True, group="studies")
    def _watch(self) -> None:
        """Check the studies twice a second while the tab is open, and post messages with the changes."""
        worker, tracker = get_current_worker(), StudyTracker(self.tem_rf.workspace.studies)
        studies: list[StudyView] | None = None
        while not worker.is_cancelled:
            if isinstance(self.parent, Widget) and self.parent.display:
                now = tracker.poll(self._watched)
                if now != studies:
                    studies = now
                    self.post_message(self.StudiesChanged(studies))
            time.sleep(_WATCH_INTERVAL_S)
