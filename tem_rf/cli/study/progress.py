"""Shows the progress of a study: a bar in a terminal, one line per trial and per failure everywhere."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tem_rf.cli.output import print_remark
from tem_rf.runs.events import Event, NoticeEvent, StatusEvent
from tem_rf.study.events import RunEvent, TrialEvent, WorkersEvent
from tem_rf.study.folder import StudyFolder
from tem_rf.study.view import view_study


class StudyProgress:
    """Prints the events of a driver to stderr.

    Args:
        console: Where to print.
        study: The study.
    """

    def __init__(self, console: Console, study: StudyFolder) -> None:
        self._console = console
        view = view_study(study)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} trainings"),
            TextColumn("{task.fields[report]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(
            study.name,
            total=view.runs_planned or view.runs_finished,
            completed=view.runs_finished,
            report=view.state,
        )
        self._done = {each.run.name for each in view.runs if each.is_complete}  # an extended run finishes again

    def __enter__(self) -> "StudyProgress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StatusEvent(state=state, detail=detail):
                self._bar.update(self._task, report=state)
                if state == "stopped":  # the command itself prints why a study failed
                    self._print(f"{state} {detail}".strip())
            case TrialEvent(state="finished"):
                self._print(f"{event.setup}  {event.architecture}: objective {event.objective:.4f}")
            case TrialEvent(state="failed"):
                self._print(f"{event.setup}  {event.architecture}: failed: {event.detail}")
            case RunEvent(state="finished", run=name):
                self._done.add(name)
                self._bar.update(self._task, completed=len(self._done))
            case RunEvent(state="failed" | "lost" | "cancelled"):
                self._print(
                    f"{event.run}: {event.state} on {event.worker}{f': {event.detail}' if event.detail else ''}"
                )
            case WorkersEvent(workers=workers):
                busy = sum(worker.state == "busy" for worker in workers)
                present = sum(worker.state != "lost" for worker in workers)
                self._bar.update(self._task, report=f"{busy} of {present} workers busy")
            case NoticeEvent(message=message):
                self._print(message)

    def _print(self, line: str) -> None:
        print_remark(line, self._console)
