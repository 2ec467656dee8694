"""The whole state of a training on disk: a restart from it ends with the same weights."""

import json
import zipfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.files import replacing_file
from tem_rf.training.objective import Scores

KEPT = 2  # the last one, and the one before in case the last is damaged


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Attributes:
        epoch: Epochs done.
        step: Steps done in the epoch after that.
        scores: Training scores of those steps.
        best_hard_dice: Best validation hard dice so far; below zero before the first epoch.
        best_epoch: Epoch that reached it.
    """

    epoch: int = 0
    step: int = 0
    scores: Scores = field(default_factory=Scores)
    best_hard_dice: float = -1.0
    best_epoch: int = 0

    def after_step(self, scores: Scores) -> "Progress":
        """Progress one step on."""
        return replace(self, step=self.step + 1, scores=scores)

    def after_epoch(self, hard_dice: float) -> "Progress":
        """Progress when the epoch in hand ended with this validation hard dice."""
        done = replace(self, epoch=self.epoch + 1, step=0, scores=Scores())
        if hard_dice > self.best_hard_dice:
            return replace(done, best_hard_dice=hard_dice, best_epoch=done.epoch)
        return done


def save_checkpoint(folder: Path, variables: list[Any], progress: Progress) -> None:
    """Write the state of a training and keep the newest two.

    Args:
        folder: Folder of the checkpoints.
        variables: Keras variables of model and optimizer.
        progress: How far the training has come.

    Raises:
        StorageError: The disk is full; the checkpoints before stand.
    """
    arrays = {f"{index:04d}": np.asarray(variable) for index, variable in enumerate(variables)}
    path = folder / f"{progress.epoch:06d}-{progress.step:06d}.npz"
    with replacing_file(path) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, progress=np.array(json.dumps(asdict(progress))), **arrays)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def load_checkpoint(folder: Path, variables: list[Any]) -> Progress | None:
    """Bring the variables to the newest state that can be read.

    Returns:
        Progress at that state; None where there is none, and the variables are as they were.
    """
    for path in _newest_first(folder):
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                content = json.loads(str(file["progress"]))
                values = [file[f"{index:04d}"] for index in range(len(variables))]
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            continue  # truncated or damaged: the one before serves
        if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
            continue
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        scores = Scores(content["scores"]["images"], tuple(content["scores"]["sums"]))
        return Progress(**{**content, "scores": scores})
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.npz"), reverse=True)
