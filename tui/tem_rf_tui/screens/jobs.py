"""The jobs that the app started, with their output."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tem_rf.errors import RunError
from tem_rf_tui.check_report import check_report
from tem_rf_tui.jobs import Job
from tem_rf_tui.screens.report import ReportScreen
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.job_line import progress_text
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.live_table import LiveTable
from tem_rf_tui.widgets.row_table import OpeningTable, Row

_LINES = 200


class JobTable(LiveTable[Job], OpeningTable):
    """Jobs, by folder."""

    TITLES = ("job", "state")

    def name_of(self, item: Job) -> str:
        return item.folder.name

    def cells(self, item: Job) -> Row:
        return (item.title, progress_text(item))


class JobsScreen(ModalScreen[None]):
    """Lists jobs, with a key to stop one.

    Args:
        jobs: The jobs, newest first.
    """

    BINDINGS = [
        Binding("escape,j", "dismiss", "Close"),
        Binding("enter", "read", "Read", tooltip="Show the whole output of the job under the cursor"),
        Binding("x", "cancel", "Stop", tooltip="Stop the job under the cursor"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show jobs with all words"),
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="List all keys"),
    ]

    def __init__(self, jobs: list[Job]) -> None:
        super().__init__()
        self._jobs = jobs
        self._shown: object = None  # the job under the cursor, and its state

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide") as dialog:
            dialog.border_title = "Jobs started in this folder"
            yield FilterField("jobs")
            yield JobTable(id="jobs")
            with VerticalScroll(id="job-output"):
                yield Static(markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Fill the table."""
        self.show(self._jobs)
        self.query_one(JobTable).focus()

    def show(self, jobs: list[Job]) -> None:
        """Show the current jobs."""
        self._jobs = jobs
        self.query_one(JobTable).show(jobs)
        self._show_output()

    def applies(self, action: str) -> bool:
        """Show no key for a job while there is none, and none to stop one that has ended."""
        job = self.query_one(JobTable).chosen
        if action == "cancel":
            return job is not None and job.state == "running"
        return job is not None or action not in ("read", "filter")

    def on_filter_field_words(self, event: FilterField.Words) -> None:
        """Show the jobs with these words."""
        self.query_one(JobTable).filter(event.words)
        self._show_output()

    def on_filter_field_left(self) -> None:
        """Return to the table."""
        self.query_one(JobTable).focus()

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one(FilterField).open()

    def on_row_table_row_highlighted(self) -> None:
        """Show the output of the job under the cursor."""
        self._show_output()

    def on_row_table_row_selected(self) -> None:
        """Open the output of the job under the cursor."""
        self.action_read()

    def action_read(self) -> None:
        """Show the whole output of a job."""
        if job := self.query_one(JobTable).chosen:
            lines = output_of(job)
            title = f"{job.title}: {progress_text(job)}"
            self.app.push_screen(ReportScreen(title, lines, is_table=_has_table(lines)))

    def action_cancel(self) -> None:
        """Stop the job under the cursor."""
        if job := self.query_one(JobTable).chosen:
            try:
                job.cancel()
                self.notify(f"{job.title}: stop requested")
            except (RunError, OSError) as error:
                self.notify(str(error), severity="warning")

    def _show_output(self) -> None:
        job = self.query_one(JobTable).chosen
        shown = (job.folder, job.state) if job else None
        if shown != self._shown:
            self._shown = shown
            self.refresh_bindings()
        none = "No job has these words." if self._jobs else "No jobs started in this folder yet."
        lines = output_of(job) if job else [none]
        output = self.query_one("#job-output Static", Static)
        output.set_class(_has_table(lines), "-table")
        output.update("\n".join(lines))


def _has_table(lines: list[str]) -> bool:
    """Whether lines were laid out as a table, which must not be wrapped."""
    return any(line.startswith("┏") for line in lines)


def output_of(job: Job) -> list[str]:
    """Return what a job has printed: a report with the problems first, or the end of its output."""
    if report := check_report(job.result()):
        return [report.headline, "", *report.lines]
    return [*job.messages, *job.report][-_LINES:] or ["No output."]
