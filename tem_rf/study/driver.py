"""Drive a study: ask the search what to train next, have it trained by the workers, report the result."""

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tem_rf.errors import RunError, StudyError
from tem_rf.platforms import require_sessions
from tem_rf.runs import process
from tem_rf.runs.events import EventSink, Listener, NoticeEvent, StatusEvent, epochs
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.interruption import Interruption, interruptible
from tem_rf.study.events import RunEvent, TrialEvent, Worker, WorkersEvent
from tem_rf.study.execution.pool import RunOutcome, RunTask, WorkerPool
from tem_rf.study.folder import StudyFolder
from tem_rf.study.search.search import Search, Trial

TRAINING_COMMAND = (sys.executable, "-m", "tem_rf", "resume", "--evaluate")
"""Command that trains and scores a run; the run folder is appended."""
LOSSES_WITHOUT_PROGRESS = 10
"""A run lost this many times without a further epoch is assumed to be the cause, and fails."""
POLL_S = 0.5
WORKERS_INTERVAL_S = 1.0

StartPool = Callable[[StudyFolder], WorkerPool]


@dataclass(frozen=True)
class Outcome:
    """Outcome of `run_study`.

    Attributes:
        state: `finished`, or `stopped` on request.
        signal_number: The signal that requested the stop, if any.
    """

    state: Literal["finished", "stopped"]
    signal_number: int | None = None


def run_study(
    folder: StudyFolder,
    start_pool: StartPool,
    *,
    listener: Listener | None = None,
    command: tuple[str, ...] = TRAINING_COMMAND,
    retry_failed: bool = False,
) -> Outcome:
    """Run or resume a study until all of its trainings are done, or until a stop is requested.

    A failed run is retried as often as the definition allows; then its trial fails and the study continues. A run whose
    worker or scheduler is lost resumes elsewhere from its latest checkpoint; this does not count as a failure.

    Args:
        folder: The study.
        start_pool: Starts the workers, once the study is claimed and before the search imports Keras.
        listener: Called with every event.
        command: Command that trains a run, without the run folder.
        retry_failed: Retry failed trials.

    Raises:
        PlatformError: Studies do not work on this system (Windows).
        RunError: Another process is running this study.
        StudyError: The workers or the search cannot be started.
        StorageError: The study folder cannot be written to.
    """
    require_sessions("`study`")
    folder = StudyFolder(folder.path.resolve())  # as workers elsewhere see it
    with process.claim(folder), interruptible(folder) as interruption:
        events = EventSink(folder.event_log(), *([listener] if listener else []))
        events.emit(StatusEvent(state="starting"))
        try:
            pool = start_pool(folder)
            try:
                search = Search(folder, retry_failed=retry_failed)
                events.emit(StatusEvent(state="running"))
                retries = folder.definition.execution.retries
                state = _Driver(search, pool, events, interruption, command, retries).go_on()
            finally:
                pool.close()
        except BaseException as error:
            events.emit(StatusEvent(state="failed", detail=str(error) or type(error).__name__))
            raise
        events.emit(StatusEvent(state=state))
        return Outcome(state, interruption.signal_number)


@dataclass(eq=False)
class _OpenTrial:
    """A trial with runs to train."""

    trial: Trial
    left: int
    failure: str = ""


@dataclass(eq=False)
class _Job:
    """A run to be trained to its last epoch."""

    run: RunFolder
    trial: _OpenTrial
    failures: int = 0
    losses: int = 0
    epochs_before: int = 0
    was_busy: bool = False


@dataclass(eq=False)
class _Driver:
    """One study in this process."""

    search: Search
    pool: WorkerPool
    events: EventSink
    interruption: Interruption
    command: tuple[str, ...]
    retries: int
    queue: deque[_Job] = field(default_factory=deque)
    in_flight: dict[str, _Job] = field(default_factory=dict)
    is_ending: bool = False
    workers: tuple[Worker, ...] = ()
    workers_told_at: float = 0.0

    def go_on(self) -> Literal["finished", "stopped"]:
        """Train until all is done or a stop is requested."""
        while not self.interruption.asks_to_stop():
            self._submit_what_fits()
            if not self.in_flight and not self.queue and self.search.is_finished:
                return "finished"
            self._look_at_the_pool()
        self._wind_down()
        return "stopped"

    def _submit_what_fits(self) -> None:
        waiting = []  # runs already in training for another trial of the same network
        while self.pool.slots() > 0 and (self.queue or self._ask()):
            job = self.queue.popleft()
            if job.run.name in self.in_flight:
                waiting.append(job)
                continue
            worker = self.pool.submit(RunTask(job.run.path, (*self.command, str(job.run.path))))
            self.in_flight[job.run.name] = job
            self.events.emit(RunEvent(state="started", run=job.run.name, worker=worker))
        self.queue.extendleft(reversed(waiting))

    def _ask(self) -> bool:
        """Queue the runs of the next trial that has runs to train; False if there is none at present."""
        while not self.queue:
            trial = self.search.ask()
            if trial is None:
                if not self.in_flight and not self.search.is_finished:
                    raise StudyError("The search waits for results, but no run is in training; report this as a bug.")
                return False
            runs = trial.unfinished()
            opened = _OpenTrial(trial, left=len(runs))
            self._tell_of_trial(opened, "started")
            self.queue += [_Job(run, opened, epochs_before=_epochs_done(run)) for run in runs]
            if not runs:
                self._end_trial(opened)
        return True

    def _look_at_the_pool(self) -> None:
        if outcome := self.pool.next_outcome(POLL_S):
            self._take(self.in_flight.pop(outcome.run.name), outcome)
        for notice in self.pool.notices():
            self.events.emit(NoticeEvent(message=notice))
        workers = self.pool.workers()
        if workers != self.workers and time.monotonic() - self.workers_told_at > WORKERS_INTERVAL_S:
            self.workers, self.workers_told_at = workers, time.monotonic()
            self.events.emit(WorkersEvent(workers=workers))

    def _take(self, job: _Job, outcome: RunOutcome) -> None:
        """Decide whether a returned run is done, is retried, or has failed."""
        if outcome.state == "finished" and job.run in job.trial.trial.unfinished():
            outcome = _without_result(job.run, outcome)
        if outcome.state == "busy":
            self._take_busy(job, outcome)
            return
        self.events.emit(RunEvent(state=outcome.state, run=job.run.name, worker=outcome.worker, detail=outcome.detail))
        if outcome.state == "finished":
            self._end_run(job)
        elif self.is_ending:
            return
        elif outcome.state == "cancelled":
            self._drop_waiting(job.trial)
            self._end_run(job, f"{job.run.name}: {outcome.detail or 'cancelled'}")
        elif outcome.state == "failed":
            job.failures += 1
            if job.failures <= self.retries:
                self.queue.append(job)
            else:
                self._fail_run(job, outcome.detail)
        else:
            self._take_lost(job)

    def _drop_waiting(self, trial: _OpenTrial) -> None:
        """Drop the waiting runs of a trial, one of whose runs was cancelled by the user."""
        kept = [job for job in self.queue if job.trial is not trial]
        trial.left -= len(self.queue) - len(kept)
        self.queue = deque(kept)

    def _take_busy(self, job: _Job, outcome: RunOutcome) -> None:
        if not job.was_busy:
            job.was_busy = True
            self.events.emit(NoticeEvent(message=f"{job.run.name}: {outcome.detail}; the study waits for it."))
        if not self.is_ending:
            self.queue.append(job)

    def _take_lost(self, job: _Job) -> None:
        done = _epochs_done(job.run)
        job.losses = job.losses + 1 if done == job.epochs_before else 0
        job.epochs_before = done
        if job.losses < LOSSES_WITHOUT_PROGRESS:
            self.queue.appendleft(job)
        else:
            self._fail_run(job, f"its worker was lost {job.losses} times without a further epoch")

    def _fail_run(self, job: _Job, detail: str) -> None:
        if process.state(job.run) != "failed":  # its process could not record it itself
            job.run.event_log().write(StatusEvent(state="failed", detail=detail))
        self._end_run(job, f"{job.run.name}: {detail}")

    def _end_run(self, job: _Job, failure: str = "") -> None:
        job.trial.failure = job.trial.failure or failure
        job.trial.left -= 1
        if job.trial.left == 0:
            self._end_trial(job.trial)

    def _end_trial(self, opened: _OpenTrial) -> None:
        objective = self.search.tell(opened.trial, opened.failure)
        self._tell_of_trial(opened, "failed" if objective is None else "finished", objective)

    def _tell_of_trial(
        self, opened: _OpenTrial, state: Literal["started", "finished", "failed"], objective: float | None = None
    ) -> None:
        self.events.emit(
            TrialEvent(
                state=state,
                trial=opened.trial.identifier,
                setup=opened.trial.setup,
                architecture=opened.trial.architecture.name,
                objective=objective,
                detail=opened.failure if state == "failed" else "",
            )
        )

    def _wind_down(self) -> None:
        """Let the runs end after their current step, or kill them on request."""
        self.is_ending = True
        for job in self.in_flight.values():
            self._ask_to_stop(job.run)
        is_killing = False
        while self.in_flight:
            if self.interruption.asks_to_cancel() and not is_killing:
                is_killing = True
                for job in self.in_flight.values():
                    self.pool.cancel(job.run.path)
            self._look_at_the_pool()

    def _ask_to_stop(self, run: RunFolder) -> None:
        try:
            process.ask(run, "stop")
        except RunError:  # its process has not started yet
            self.pool.cancel(run.path)


def _without_result(run: RunFolder, outcome: RunOutcome) -> RunOutcome:
    """Return the outcome of a process that ended without error although its run was not finished and scored."""
    if process.state(run) == "stopped":
        return RunOutcome(outcome.run, "cancelled", outcome.worker, "stopped")
    return RunOutcome(outcome.run, "failed", outcome.worker, "its process ended before the run was finished and scored")


def _epochs_done(run: RunFolder) -> int:
    return len(epochs(run.events()))
