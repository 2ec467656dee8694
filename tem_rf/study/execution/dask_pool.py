"""Runs on the workers of a Dask scheduler, any of which may disappear."""

import contextlib
import queue
import threading
import time
import uuid
from collections import deque
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path

from distributed import Client, Future, KilledWorker

from tem_rf.errors import StudyError
from tem_rf.study.events import Worker
from tem_rf.study.execution.clusters import Cluster
from tem_rf.study.execution.pool import RunOutcome, RunTask
from tem_rf.study.execution.run_process import kill_run, train_in_own_process
from tem_rf.study.execution.workers import RegisteredWorker, SchedulerLostError, WorkerRegistry

RECONNECT_INTERVAL_S = 2.0
MEND_INTERVAL_S = 5.0
FIRST_ANSWER_TIMEOUT_S = 20.0
RESULT_TIMEOUT_S = 10.0
KILL_TIMEOUT_S = 5.0


class DaskPool:
    """A `WorkerPool` on a Dask cluster.

    Every run is bound to one worker, chosen here, so that no worker has two and a run on a frozen worker waits for
    nobody. A worker that is gone, by its address, has lost its run; so has every worker when the scheduler is gone.

    Args:
        cluster: Where the workers come from.
        folder: The study, which every worker must see.

    Raises:
        StudyError: The scheduler cannot be reached, or all its workers are of no use.
    """

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster, self._folder = cluster, folder.resolve()
        self._in_flight: dict[Path, _InFlight] = {}
        self._ended: queue.SimpleQueue[_InFlight] = queue.SimpleQueue()
        self._outcomes: deque[RunOutcome] = deque()
        self._notices: list[str] = []
        self._kills: list[threading.Thread] = []
        self._tried_at = self._mended_at = time.monotonic()
        self._client: Client | None = None
        self._workers: WorkerRegistry | None = None
        try:
            self._connect()
            self._wait_for_a_useful_worker()
        except BaseException:
            self.close()
            raise

    def slots(self) -> int:
        """Return the number of runs that can be submitted now."""
        return len(self._free_workers())

    def submit(self, task: RunTask) -> str:
        """Submit a run to a free worker, and return the name of the worker."""
        assert self._client is not None
        worker = self._free_workers()[0]
        future = self._client.submit(
            train_in_own_process,
            task,
            worker.name,
            key=f"{task.run.name}-{uuid.uuid4()}",  # of its own, so that no earlier result is taken for this one
            workers=[worker.address],
            pure=False,
        )
        in_flight = self._in_flight[task.run] = _InFlight(task, future, worker)
        future.add_done_callback(lambda _: self._ended.put(in_flight))
        return worker.name

    def next_outcome(self, timeout_s: float) -> RunOutcome | None:
        """Return the next run that ended; None if none ended within this time."""
        self._look_after()
        if self._outcomes:
            return self._outcomes.popleft()
        try:
            ended = self._ended.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if self._in_flight.get(ended.task.run) is not ended:  # reported as lost before
            return None
        del self._in_flight[ended.task.run]
        return ended.outcome()

    def cancel(self, run: Path) -> None:
        """Kill the process of a run; its outcome follows."""
        if (in_flight := self._in_flight.get(run)) is None or self._client is None:
            return
        in_flight.is_cancelled = True
        # In the background, since a frozen worker would never answer.
        kill = threading.Thread(target=_kill, args=(self._client, in_flight), daemon=True)
        kill.start()
        self._kills.append(kill)

    def workers(self) -> tuple[Worker, ...]:
        """Return the current workers, including lost ones."""
        if self._workers is None:
            return ()
        runs = {in_flight.worker.address: run.name for run, in_flight in self._in_flight.items()}
        here = [worker.event(runs.get(worker.address, "")) for worker in self._workers.all() if worker.may_train]
        lost = [worker.event(is_lost=True) for worker in self._workers.lost() if worker.may_train]
        return tuple(sorted(here + lost, key=lambda worker: worker.name))

    def notices(self) -> list[str]:
        """Return the notices for the user since the last call."""
        notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Kill the runs still in training, and end the workers that the pool started."""
        for run in list(self._in_flight):
            self.cancel(run)
        deadline = time.monotonic() + KILL_TIMEOUT_S
        for kill in self._kills:
            kill.join(max(deadline - time.monotonic(), 0))
        self._in_flight.clear()
        self._disconnect()
        self._cluster.close()

    def _connect(self) -> None:
        self._client = self._cluster.connect()
        self._workers = WorkerRegistry(self._client, self._folder)

    def _disconnect(self) -> None:
        if self._client is not None:
            with contextlib.suppress(OSError, TimeoutError):
                self._client.close(timeout=KILL_TIMEOUT_S)
        self._client = self._workers = None

    def _wait_for_a_useful_worker(self) -> None:
        """Wait for the first workers to respond, without waiting for the others."""
        assert self._workers is not None
        deadline = time.monotonic() + FIRST_ANSWER_TIMEOUT_S
        while time.monotonic() < deadline:
            self._look_after()
            workers = self._workers.all() if self._workers else []
            if any(worker.may_train for worker in workers):
                return
            if workers and all(worker.refusal for worker in workers):
                raise StudyError(f"worker {workers[0].name}: {workers[0].refusal}.")
            time.sleep(0.1)

    def _look_after(self) -> None:
        """Detect lost workers, report the runs lost with them, and replace them."""
        if self._workers is None:
            self._try_to_connect()
            return
        try:
            refused = self._workers.refresh()
        except SchedulerLostError:
            self._lose_everything()
            return
        self._notices += [f"worker {worker.name}: {worker.refusal}; it gets no runs." for worker in refused]
        for run, in_flight in list(self._in_flight.items()):
            if not self._workers.is_here(in_flight.worker.address):
                self._lose(run, "its worker is gone")
        if time.monotonic() - self._mended_at > MEND_INTERVAL_S:
            self._mended_at = time.monotonic()
            self._notices += self._cluster.mend()

    def _lose(self, run: Path, why: str) -> None:
        in_flight = self._in_flight.pop(run)
        in_flight.future.release()
        self._outcomes.append(in_flight.lost(why))

    def _lose_everything(self) -> None:
        for run in list(self._in_flight):
            self._lose(run, "the scheduler is gone")
        self._disconnect()
        self._notices.append("The scheduler is gone; the study continues when it is back.")
        self._try_to_connect()

    def _try_to_connect(self) -> None:
        if time.monotonic() - self._tried_at < RECONNECT_INTERVAL_S:
            return
        self._tried_at = time.monotonic()
        with contextlib.suppress(StudyError):
            self._connect()
            self._notices.append("Connected to a scheduler again.")

    def _free_workers(self) -> list[RegisteredWorker]:
        busy = {in_flight.worker.address for in_flight in self._in_flight.values()}
        workers = self._workers.all() if self._workers else []
        return [worker for worker in workers if worker.may_train and worker.address not in busy]


@dataclass(eq=False)
class _InFlight:
    """A submitted run."""

    task: RunTask
    future: Future
    worker: RegisteredWorker
    is_cancelled: bool = False

    def outcome(self) -> RunOutcome:
        """Return the outcome, once its future is done."""
        try:
            status = self.future.status
            if status == "finished":
                return self.future.result(timeout=RESULT_TIMEOUT_S)
            if status == "error" and not isinstance(error := self.future.exception(), KilledWorker):
                return RunOutcome(self.task.run, "failed", self.worker.name, f"its worker could not start it: {error}")
        except (OSError, TimeoutError, CancelledError):  # the worker went, or the task was taken back, meanwhile
            pass
        return self.lost("its worker was lost before it returned the result")

    def lost(self, why: str) -> RunOutcome:
        """Return the outcome of a run that was lost with its worker, or withdrawn."""
        if self.is_cancelled:
            return RunOutcome(self.task.run, "cancelled", self.worker.name)
        return RunOutcome(self.task.run, "lost", self.worker.name, why)


def _kill(client: Client, in_flight: _InFlight) -> None:
    """Kill the process wherever it is; without one, take the task back."""
    with contextlib.suppress(Exception):  # the worker or the scheduler may go at any moment, and the process with it
        client.run(kill_run, in_flight.task.run, on_error="ignore")
        in_flight.future.cancel()
