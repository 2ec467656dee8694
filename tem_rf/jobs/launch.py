"""Start trainings: one in this process, several one after the other in the foreground, or any number in the background.

The command line, the Python API and the app all start trainings here.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from tem_rf.errors import RunError
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.jobs.train import TrainRequest
from tem_rf.models.backend import import_keras
from tem_rf.runs import process
from tem_rf.runs.devices import installed_gpus
from tem_rf.runs.events import Event, Listener
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.view import view_run

SIGNAL_EXIT = 128  # shell convention: 128 + signal number


class Report(Protocol):
    """Shows progress on behalf of the caller."""

    def tell(self, line: str) -> None:
        """Show a line."""

    def training(self, run: RunFolder) -> AbstractContextManager[Listener]:
        """Show a training for the duration of the block; the listener gets its events."""

    def scoring(self, run: RunFolder) -> AbstractContextManager[object]:
        """Show that test images are being scored, for the duration of the block."""


class Silent:
    """A report that shows nothing, but may pass events on.

    Args:
        listener: Called with every event of a training.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener

    def tell(self, line: str) -> None:
        """Show nothing."""

    @contextmanager
    def training(self, run: RunFolder) -> Iterator[Listener]:
        """Pass events on."""
        yield self._listener or _ignore

    def scoring(self, run: RunFolder) -> AbstractContextManager[object]:
        """Show nothing."""
        return nullcontext()


@dataclass(frozen=True)
class Launched:
    """Status of a run that was submitted for training in the background.

    Attributes:
        run: The run.
        state: `starting` on a free device, `queued` behind others, already `training`, or already `finished`.
        position: Its position in the queue, from 1; None unless it is queued.
        is_new: Whether this call added it to the queue; False if another call had added it before.
    """

    run: RunFolder
    state: Literal["starting", "queued", "training", "finished"]
    position: int | None = None
    is_new: bool = True


def train_here(run: RunFolder, *, evaluate: bool = False, report: Report | None = None) -> int | None:
    """Train a run in this process, and score its test images once it is finished.

    Args:
        run: The run.
        evaluate: Score its test images, if they are not scored yet.
        report: Shows the progress; None to show nothing.

    Returns:
        The number of the signal that ended the training early; None if it was not interrupted.

    Raises:
        RunError: Another process is training this run.
        DatasetError: The dataset is missing, has changed, does not fit the network, or has no test images to score.
        TrainingError: The loss became NaN.
        StorageError: The run folder cannot be written to.
    """
    report = report or Silent()
    is_complete = view_run(run).is_complete
    needs_scores = evaluate and not (is_complete and run.is_scored)
    if needs_scores:
        _check_test_images(run)
    if is_complete:
        report.tell(f"{run.path}: already finished.")
    else:
        report.tell(f"{run.path}: starting")
        import_keras()
        from tem_rf.training.train import train

        with report.training(run) as listener:
            outcome = train(run, listener=listener)
        if outcome.state == "stopped":
            return outcome.signal_number
    if needs_scores:
        _score_test_images(run, report)
    return None


def train_one_after_the_other(runs: Sequence[RunFolder], *, evaluate: bool = False, report: Report) -> int:
    """Train runs in the foreground, each in a fresh process so that they cannot affect each other.

    If one fails, the next still starts. Ctrl-C and SIGTERM end the current training, and no other is started.

    Args:
        runs: The runs.
        evaluate: Score their test images.
        report: Told of runs that fail; the processes show their own progress in the terminal.

    Returns:
        0 if all succeeded, otherwise the exit code of the first failure.
    """
    first_failure = 0
    for run in runs:
        command = [sys.executable, "-m", "tem_rf", "resume", str(run.path), *(["--evaluate"] if evaluate else [])]
        try:
            code = subprocess.run(command, check=False).returncode
        except KeyboardInterrupt:  # the training received it too and is ending
            return SIGNAL_EXIT + 2
        if code > SIGNAL_EXIT:
            return code
        if code:
            first_failure = first_failure or code
            report.tell(f"{run.path}: {view_run(run).state}; see its log with `{run.watch_command}`")
    return first_failure


def train_in_background(runs: Sequence[RunFolder], *, evaluate: bool = False) -> list[Launched]:
    """Add runs to the queue of their folder, which trains one per device and continues after this process ends.

    Runs that are complete, training or waiting are left as they are.

    Args:
        runs: The runs.
        evaluate: Score their test images once they are finished.

    Returns:
        The status of each run, in order. A queue that was stopped while runs were waiting starts none.

    Raises:
        DiskFullError: The disk is full.
        StorageError: The folder of the runs cannot be written to.
    """
    launched: dict[RunFolder, Launched] = {}
    known: set[RunFolder] = set()
    waiting: dict[TrainingQueue, list[RunFolder]] = {}
    for run in runs:
        if process.is_alive(run):
            launched[run] = Launched(run, "training")
        elif view_run(run).is_complete and (run.is_scored or not evaluate):
            launched[run] = Launched(run, "finished")
        else:
            queue = TrainingQueue.of(run.path.parent)
            if queue.has(run):
                known.add(run)
            waiting.setdefault(queue, []).append(run)
    for queue, added in waiting.items():
        queue.add(added, evaluate=evaluate)
        launched |= {run: replace(_place(run, queue), is_new=run not in known) for run in added}
    return [launched[run] for run in runs]


def plan_in_other_process(request: TrainRequest) -> list[Launched]:
    """Plan runs and add them to their queue from another process: reading a model to start from takes Keras.

    Raises:
        RunError: They cannot be planned, for the reason that the other process gives.
    """
    command = [sys.executable, "-m", "tem_rf", *request.command_line(), "--detach", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no output"]
        raise RunError(said[-1].removeprefix("tem-rf: "))
    found = json.loads(done.stdout)
    rows = found if isinstance(found, list) else [found]
    return [Launched(RunFolder(Path(row["run"])), row["state"], row.get("position")) for row in rows]


def _place(run: RunFolder, queue: TrainingQueue) -> Launched:
    """Return the status that an added run has, or will have at the next check of the queue process."""
    content = queue.read()
    starting = {entry.run for entry, _ in queue.startable(content, installed_gpus())}
    waiting = [entry.run for entry in content.waiting if entry.run not in starting]
    if run.name in waiting:
        return Launched(run, "queued", waiting.index(run.name) + 1)
    return Launched(run, "starting")


def _check_test_images(run: RunFolder) -> None:
    """Fail before the training, not after it, if the dataset has no test images."""
    from tem_rf.runs.dataset import open_training_data

    with process.failure_in_events(run):
        open_training_data(run.config).indices("test")


def _score_test_images(run: RunFolder, report: Report) -> None:
    import_keras()
    from tem_rf.evaluation.evaluate import evaluate_run
    from tem_rf.runs.dataset import open_training_data

    with process.claim(run), report.scoring(run):
        scores = evaluate_run(run, open_training_data(run.config))
    report.tell(f"{run.scores_file}: scores of {len(scores)} test images")


def _ignore(event: Event) -> None:
    """Ignore an event."""
