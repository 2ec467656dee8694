"""What the driver of a study asks of whatever trains its runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tem_rf.study.events import Worker


@dataclass(frozen=True)
class RunTask:
    """One run for a worker.

    Attributes:
        run: The run folder, which every worker sees under this path.
        command: What trains it, in a fresh process that ends with exit code 0 once the run is finished and scored.
    """

    run: Path
    command: tuple[str, ...]


@dataclass(frozen=True)
class RunOutcome:
    """How a task ended.

    Attributes:
        run: The run folder.
        state: `finished` and `failed` by its process; `lost` with its worker or the scheduler, which says nothing
            about the run; `busy` where another process trains this run; `cancelled` when asked for.
        worker: Name of the worker.
        detail: Why, on one line.
    """

    run: Path
    state: Literal["finished", "failed", "lost", "busy", "cancelled"]
    worker: str
    detail: str = ""


class WorkerPool(Protocol):
    """Workers that train one run each; they may come and go."""

    def slots(self) -> int:
        """How many runs can be submitted now; there are never more in flight than workers."""

    def submit(self, task: RunTask) -> str:
        """Give a run to a free worker; its name is returned."""

    def next_outcome(self, timeout_s: float) -> RunOutcome | None:
        """The next run that ended; None where none did within this time."""

    def cancel(self, run: Path) -> None:
        """Kill the process of a run; its outcome follows."""

    def workers(self) -> tuple[Worker, ...]:
        """The workers as they are, lost ones included."""

    def notices(self) -> list[str]:
        """What happened since the last call that the user should know, a sentence each."""

    def close(self) -> None:
        """Kill what still runs, and end the workers that the pool started."""
