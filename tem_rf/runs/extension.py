"""More epochs for a run that has its configuration already."""

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
    """Ask a run for more epochs.

    With a constant learning rate it ends in the bits of one that was asked for as many at once. A learning rate that
    falls as a cosine reaches 0 where it was to, and from there rises and falls once more.
    A process that trains the run takes notice at the end of its epoch.

    Args:
        run: The run, in any state.
        epochs: Epochs in all.

    Raises:
        RunError: The run was asked for more than that already.

    Source: warm restarts, Loshchilov & Hutter, SGDR, ICLR 2017.
    """
    config = run.config
    before = config.training.epochs
    if epochs == before:
        return
    if epochs < before:
        raise RunError(
            f"{run.path}: `epochs` {epochs} is fewer than the {before} it was asked for; "
            f"end it early with `tem-rf stop {shlex.quote(str(run.path))}`, or train under another `name`."
        )
    restarts = config.restarts if config.training.learning_rate_schedule == "constant" else (*config.restarts, before)
    write_json(run.config_file, _with_epochs(config, epochs, restarts).to_json())
    message = f"asked for {epochs} epochs instead of {before}"
    is_alive = process.is_alive(run)
    run.event_log().write(NoticeEvent(message=message) if is_alive else StatusEvent(state="stopped", detail=message))


def open_or_extend(path: Path, config: RunConfig) -> RunFolder:
    """Open the run of this configuration, give it more epochs where that is the difference, or create it.

    Raises:
        RunError: The folder holds a run of another configuration or of more epochs, or something else.
    """
    if not RunFolder(path).config_file.exists():
        return RunFolder.create_or_open(path, config)
    before = RunFolder(path).config
    run = RunFolder.create_or_open(path, _with_epochs(config, before.training.epochs, before.restarts))
    extend(run, config.training.epochs)
    return run


def is_complete(run: RunFolder) -> bool:
    """Whether the run finished with the epochs it is asked for now, or early for want of progress."""
    return view_run(run).is_complete


def _with_epochs(config: RunConfig, epochs: int, restarts: tuple[int, ...]) -> RunConfig:
    training = config.training.model_copy(update={"epochs": epochs})
    return config.model_copy(update={"training": training, "restarts": restarts})
