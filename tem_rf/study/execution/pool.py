"""Interface between the driver of a study and the workers that train its runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tem_rf.study.events import Worker


@dataclass(frozen=True)
class RunTask:
    """One run for a worker.

    Attributes:
        run: The run folder, accessible to every worker under this path.
        command: Command that trains it in a fresh process, with exit code 0 once the run is finished and scored.
    """

    run: Path
    command: tuple[str, ...]


@dataclass(frozen=True)
class RunOutcome:
    """Outcome of a task.

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
        """Return the number of runs that can be submitted now; there are never more runs than workers."""

    def submit(self, task: RunTask) -> str:
        """Submit a run to a free worker, and return the name of the worker."""

    def next_outcome(self, timeout_s: float) -> RunOutcome | None:
        """Return the next run that ended; None if none ended within this time."""

    def cancel(self, run: Path) -> None:
        """Kill the process of a run; its outcome follows."""

    def workers(self) -> tuple[Worker, ...]:
        """Return the current workers, including lost ones."""

    def notices(self) -> list[str]:
        """Return the notices for the user since the last call, one sentence each."""

    def close(self) -> None:
        """Kill the runs still in training, and end the workers that the pool started."""
