"""Extend an existing run by more epochs."""

import shlex
from pathlib import Path

from tem_rf.errors import RunError
from tem_rf.files import write_json
from tem_rf.runs import process
from tem_rf.runs.config import RunConfig
from tem_rf.runs.events import NoticeEvent, StatusEvent
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.view import view_run


def extend(run: RunFolder, epochs: int) -> None:
    """Request more epochs for a run.

    With a constant learning rate the result is bit-identical to that of a run started with as many epochs. A cosine
    schedule has reached 0 at the former last epoch; it restarts there with another warm-up and decay.
    A process that is training the run notices the change at the end of its epoch.

    Args:
        run: The run, in any state.
        epochs: Total number of epochs.

    Raises:
        RunError: More epochs than that were already requested.

    Source: warm restarts, Loshchilov & Hutter, SGDR, ICLR 2017.
    """
    config = run.config
    before = config.training.epochs
    if epochs == before:
        return
    if epochs < before:
        raise RunError(
            f"{run.path}: `epochs` {epochs} is fewer than the {before} already requested; "
            f"stop it early with `tem-rf stop {shlex.quote(str(run.path))}`, or train under another `name`."
        )
    restarts = config.restarts if config.training.learning_rate_schedule == "constant" else (*config.restarts, before)
    write_json(run.config_file, _with_epochs(config, epochs, restarts).to_json())
    message = f"{epochs} epochs requested instead of {before}"
    is_alive = process.is_alive(run)
    run.event_log().write(NoticeEvent(message=message) if is_alive else StatusEvent(state="stopped", detail=message))


def open_or_extend(path: Path, config: RunConfig) -> RunFolder:
    """Open the run of this configuration, extend it if it only needs more epochs, or create it.

    Raises:
        RunError: The folder contains a run of another configuration or of more epochs, or something else.
    """
    if not RunFolder(path).config_file.exists():
        return RunFolder.create_or_open(path, config)
    before = RunFolder(path).config
    run = RunFolder.create_or_open(path, _with_epochs(config, before.training.epochs, before.restarts))
    extend(run, config.training.epochs)
    return run


def is_complete(run: RunFolder) -> bool:
    """Whether the run finished all requested epochs, or stopped early because the score no longer improved."""
    return view_run(run).is_complete


def _with_epochs(config: RunConfig, epochs: int, restarts: tuple[int, ...]) -> RunConfig:
    training = config.training.model_copy(update={"epochs": epochs})
    return config.model_copy(update={"training": training, "restarts": restarts})
