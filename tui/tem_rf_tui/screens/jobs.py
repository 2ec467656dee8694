"""The jobs that the app started, with their output."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tem_rf.errors import RunError
from tem_rf_tui.jobs import Job
from tem_rf_tui.widgets.job_line import progress_text
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.row_table import RowTable

_LINES = 200


class JobsScreen(ModalScreen[None]):
    """Lists jobs, with a key to stop one.

    Args:
        jobs: The jobs, newest first.
    """

    BINDINGS = [
        Binding("escape,j", "dismiss", "Close"),
        Binding("x", "cancel", "Stop", tooltip="Stop the job under the cursor"),
    ]

    def __init__(self, jobs: list[Job]) -> None:
        super().__init__()
        self._jobs = jobs

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide") as dialog:
            dialog.border_title = "Jobs started in this folder"
            yield RowTable(("job", "state"), id="jobs")
            yield Static(id="job-output", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Fill the table."""
        self.show(self._jobs)

    def show(self, jobs: list[Job]) -> None:
        """Show the current jobs."""
        self._jobs = jobs
        self.query_one(RowTable).show_rows([(job.title, progress_text(job)) for job in jobs])
        self._show_output()

    def on_row_table_row_highlighted(self) -> None:
        """Show the output of the job under the cursor."""
        self._show_output()

    def action_cancel(self) -> None:
        """Stop the job under the cursor."""
        if job := self._chosen():
            try:
                job.cancel()
                self.notify(f"{job.title}: stop requested")
            except (RunError, OSError) as error:
                self.notify(str(error), severity="warning")

    def _show_output(self) -> None:
        job = self._chosen()
        lines = [*job.messages, *job.report] if job else ["No jobs started in this folder yet."]
        self.query_one("#job-output", Static).update("\n".join(lines[-_LINES:]))

    def _chosen(self) -> Job | None:
        row = self.query_one(RowTable).cursor_row
        return self._jobs[row] if 0 <= row < len(self._jobs) else None
