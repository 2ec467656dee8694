"""Shows a training as it goes: bars in a terminal, a line per epoch elsewhere."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tem_rf.runs.events import EpochEvent, Event, NoticeEvent, StatusEvent, StepEvent


class TrainingProgress:
    """Prints events to stderr.

    Args:
        console: Where to print.
        name: Name of the run.
        epochs: Epochs asked for.
    """

    def __init__(self, console: Console, name: str, epochs: int) -> None:
        self._console, self._epochs = console, epochs
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.1f}/{task.total:.0f} epochs"),
            TextColumn("{task.fields[report]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task(name, total=epochs, report="")

    def __enter__(self) -> "TrainingProgress":
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._bars.stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StatusEvent(state=state, detail=detail):
                self._bars.update(self._task, report=state)
                if state in ("paused", "stopped"):
                    self._console.print(f"{state} {detail}".strip(), highlight=False)
            case NoticeEvent(message=message):
                self._console.print(message, highlight=False)
            case StepEvent():
                self._bars.update(
                    self._task,
                    completed=event.epoch - 1 + event.step / event.steps,
                    report=f"loss {event.loss:.4f}  {event.patches_per_s:.1f} patches/s",
                )
            case EpochEvent():
                self._bars.update(self._task, completed=event.epoch)
                self._console.print(epoch_line(event), highlight=False)


def epoch_line(event: EpochEvent) -> str:
    """The scores of one epoch on a line; a star marks the best so far."""
    width = len(str(event.epochs))
    return (
        f"epoch {event.epoch:{width}d}/{event.epochs}  "
        f"loss {event.loss:.4f}  soft dice {event.soft_dice:.3f}  hard dice {event.hard_dice:.3f}  "
        f"validation {event.validation_loss:.4f}  {event.validation_soft_dice:.3f}  "
        f"{event.validation_hard_dice:.3f}{'*' if event.is_best else ' '}  "
        f"{event.patches_per_s:.1f} patches/s"
    )
