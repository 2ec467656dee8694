"""Shows the progress of a training: a bar in a terminal, one line per epoch everywhere."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tem_rf.cli.output import print_remark, progress_console, show_status
from tem_rf.runs.events import EpochEvent, Event, Listener, NoticeEvent, StatusEvent, StepEvent
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.view import RunHistory, duration_text, seconds_left


class TrainingProgress:
    """Prints events to stderr.

    Args:
        console: Where to print.
        name: Name of the run.
        epochs: Total number of epochs.
    """

    def __init__(self, console: Console, name: str, epochs: int) -> None:
        self._console = console
        self._has_header = False
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:.1f}/{task.total:.0f} epochs"),
            TextColumn("{task.fields[report]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task(name, total=epochs, report="", left="")
        self._epochs, self._history = epochs, RunHistory()

    def __enter__(self) -> "TrainingProgress":
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._bars.stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        self._history.take(event)
        match event:
            case StatusEvent(state=state, detail=detail):
                self._bars.update(self._task, report=state)
                if state in ("paused", "stopped"):
                    self._print(f"{state} {detail}".strip())
            case NoticeEvent(message=message):
                self._print(message)
            case StepEvent():
                self._bars.update(
                    self._task,
                    completed=event.epoch - 1 + event.step / event.steps,
                    report=f"loss {event.loss:.4f}  {event.patches_per_s:.1f} patches/s",
                    left=self._left(),
                )
            case EpochEvent():
                self._epochs = event.epochs  # the run may have been extended meanwhile
                self._bars.update(self._task, completed=event.epoch, total=event.epochs, left=self._left())
                if not self._has_header:
                    self._print(epoch_header(event.epochs))
                    self._has_header = True
                self._print(epoch_line(event))

    def _left(self) -> str:
        left = seconds_left(self._epochs, self._history.epochs, self._history.step)
        return "" if left is None else f"{duration_text(left)} left"

    def _print(self, line: str) -> None:
        print_remark(line, self._console)


class ConsoleReport:
    """Shows the progress of `tem_rf.jobs.launch` on stderr."""

    def tell(self, line: str) -> None:
        """Print a line."""
        print_remark(line)

    @contextmanager
    def training(self, run: RunFolder) -> Iterator[Listener]:
        """Show the epochs."""
        with TrainingProgress(progress_console(), run.name, run.config.training.epochs) as progress:
            yield progress.show

    def scoring(self, run: RunFolder) -> AbstractContextManager[object]:
        """Show that test images are being scored."""
        return show_status(f"{run.name}: segmenting the test images")


def epoch_header(epochs: int) -> str:
    """Return the column headings of `epoch_line`."""
    return (
        f"{'epoch':>{_epoch_width(epochs)}}  {'loss':>7} {'soft dice':>9} {'hard dice':>9}   "
        f"{'validation':>10} {'soft':>6} {'hard':>6}  patches/s"
    )


def epoch_line(event: EpochEvent) -> str:
    """Format the scores of one epoch; a star marks the best validation hard dice so far."""
    return (
        f"{f'{event.epoch}/{event.epochs}':>{_epoch_width(event.epochs)}}  "
        f"{event.loss:7.4f} {event.soft_dice:9.3f} {event.hard_dice:9.3f}   "
        f"{event.validation_loss:10.4f} {event.validation_soft_dice:6.3f} {event.validation_hard_dice:6.3f}"
        f"{'*' if event.is_best else ' '} {event.patches_per_s:9.1f}"
    )


def _epoch_width(epochs: int) -> int:
    return max(2 * len(str(epochs)) + 1, len("epoch"))
