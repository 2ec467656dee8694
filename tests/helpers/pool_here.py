"""Workers in this process, for tests of what the driver decides."""

from collections import deque
from pathlib import Path
from typing import Any

from tem_rf.runs import RunFolder
from tem_rf.study.events import Worker
from tem_rf.study.execution.pool import RunOutcome, RunTask
from tests.helpers.stub_training import train


class PoolHere:
    """A `WorkerPool` whose runs end when they are asked for; `fate` may decide otherwise.

    Attributes:
        trained: Names of the runs that were submitted.
        max_in_flight: Runs that were in flight at once, at most.
    """

    def __init__(self, workers: int = 2, fate: Any = lambda run, attempt: None) -> None:
        self.count, self.fate = workers, fate
        self.trained: list[str] = []
        self.in_flight: deque[RunTask] = deque()
        self.max_in_flight = 0
        self.is_closed = False

    def slots(self) -> int:
        return self.count - len(self.in_flight)

    def submit(self, task: RunTask) -> str:
        assert self.slots() > 0
        self.in_flight.append(task)
        self.trained.append(task.run.name)
        self.max_in_flight = max(self.max_in_flight, len(self.in_flight))
        return "here"

    def next_outcome(self, timeout_s: float) -> RunOutcome | None:
        if not self.in_flight:
            return None
        run = self.in_flight.popleft().run
        outcome = self.fate(run, self.trained.count(run.name))
        if outcome is None:
            train(RunFolder(run))
            outcome = RunOutcome(run, "finished", "here")
        return outcome

    def cancel(self, run: Path) -> None:
        self.fate = lambda run, attempt: RunOutcome(run, "cancelled", "here")

    def workers(self) -> tuple[Worker, ...]:
        return (Worker(name="here", state="idle"),)

    def notices(self) -> list[str]:
        return []

    def close(self) -> None:
        self.is_closed = True
