"""What a run has come to, from its folder alone."""

from dataclasses import dataclass
from typing import Literal

from tem_rf.runs.events import EpochEvent, State, StepEvent, epochs, last_status
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.process import state_after


@dataclass(frozen=True)
class RunSummary:
    """A run on one line.

    Attributes:
        run: The run folder.
        state: State of the run; `killed` where its process is gone and did not say why.
        detail: Why it failed, if it did.
        epochs_done: Epochs with scores.
        epochs: Epochs asked for.
        best: The epoch with the best validation hard dice, if one is done.
        patches_per_s: Speed at the last report, if there was one.
        seconds_left: Estimate until the last epoch, while it runs.
    """

    run: RunFolder
    state: State | Literal["killed", "new"]
    detail: str
    epochs_done: int
    epochs: int
    best: EpochEvent | None
    patches_per_s: float | None
    seconds_left: float | None


def summarize_run(run: RunFolder) -> RunSummary:
    """Read the events of a run.

    Raises:
        RunError: The folder holds no run, or one of another schema version.
    """
    events = run.events()
    done = epochs(events)
    status = last_status(events)
    now = state_after(status, run)
    total = run.config.training.epochs
    last_report = next((event for event in reversed(events) if isinstance(event, StepEvent | EpochEvent)), None)
    return RunSummary(
        run=run,
        state=now,
        detail=status.detail if status else "",
        epochs_done=len(done),
        epochs=total,
        best=max(done, key=lambda event: event.validation_hard_dice, default=None),
        patches_per_s=last_report.patches_per_s if last_report else None,
        seconds_left=(total - len(done)) * done[-1].duration_s if done and now == "running" else None,
    )
