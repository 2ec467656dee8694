"""Checkpoints of a training, and the best model so far. A training resumed from one ends with the same weights."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import keras
import numpy as np

from tem_rf.config.training import SMOOTHED_EPOCHS
from tem_rf.files import DAMAGED_NPZ, refuse_compressed, replacing_file
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.network import portable_copy
from tem_rf.training.objective import Scores

KEPT = 2  # the last checkpoint, and the previous one in case the last is damaged


@dataclass(frozen=True)
class Progress:
    """Progress of a training.

    Attributes:
        epoch: Epochs completed.
        step: Steps completed in the current epoch.
        scores: Training scores of those steps.
        best_hard_dice: Best validation hard dice so far; below zero before the first epoch.
        best_epoch: Epoch with the best validation hard dice.
        patches_at_once: Patches that fit into memory at once, if complete batches do not.
        recent: Validation hard dice of the last epochs, oldest first, as many as are averaged.
    """

    epoch: int = 0
    step: int = 0
    scores: Scores = field(default_factory=Scores)
    best_hard_dice: float = -1.0
    best_epoch: int = 0
    patches_at_once: int | None = None
    recent: tuple[float, ...] = ()

    def after_step(self, scores: Scores) -> "Progress":
        """Progress after one more step."""
        return replace(self, step=self.step + 1, scores=scores)

    def after_epoch(self, hard_dice: float, keep: str = "best") -> "Progress":
        """Progress at the end of the current epoch.

        Args:
            hard_dice: Its validation hard dice.
            keep: Which epoch counts as the best: `best`, `smooth` or `last`, see `TrainingSettings.keep`.
        """
        recent = (*self.recent, hard_dice)[-SMOOTHED_EPOCHS:] if keep == "smooth" else ()
        score = fmean(recent) if recent else hard_dice
        done = replace(self, epoch=self.epoch + 1, step=0, scores=Scores(), recent=recent)
        if keep == "last" or score > self.best_hard_dice:
            return replace(done, best_hard_dice=score, best_epoch=done.epoch)
        return done


def save_checkpoint(folder: Path, variables: list[Any], progress: Progress) -> None:
    """Write a checkpoint of a training and keep the newest two.

    Args:
        folder: Folder of the checkpoints.
        variables: Keras variables of model and optimizer.
        progress: Progress of the training.

    Raises:
        DiskFullError: The disk is full; the previous checkpoints are kept.
    """
    arrays = {f"{index:04d}": np.asarray(variable) for index, variable in enumerate(variables)}
    path = folder / f"{progress.epoch:06d}-{progress.step:06d}.npz"
    with replacing_file(path) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, progress=np.array(json.dumps(asdict(progress))), **arrays)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def load_checkpoint(
    folder: Path, variables: list[Any], *, on_damaged: Callable[[Path], None] = lambda path: None
) -> Progress | None:
    """Load the newest readable checkpoint into the variables. Set damaged ones aside.

    Args:
        folder: Folder of the checkpoints.
        variables: Keras variables of model and optimizer.
        on_damaged: Called with each checkpoint that cannot be read, under its new name.

    Returns:
        Progress at that checkpoint; None if there is none, in which case the variables are unchanged.
    """
    for path in _newest_first(folder):
        try:
            progress, values = _read(path, [tuple(variable.shape) for variable in variables])
        except DAMAGED_NPZ:
            # Under its old name it would count as newer than the checkpoints that follow from the previous one.
            on_damaged(path.replace(path.with_suffix(".damaged")))
            continue
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return progress
    return None


def _read(path: Path, shapes: list[tuple[int, ...]]) -> tuple[Progress, list[np.ndarray]]:
    with path.open("rb") as raw:
        refuse_compressed(raw)
        with np.load(raw, allow_pickle=False) as file:
            content = json.loads(str(file["progress"]))
            values = [file[f"{index:04d}"] for index in range(len(shapes))]
    if [value.shape for value in values] != shapes:
        raise ValueError(f"{path}: is of another network.")
    scores = Scores(content["scores"]["images"], tuple(content["scores"]["sums"]))
    return Progress(**{**content, "scores": scores, "recent": tuple(content.get("recent", ()))}), values


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.npz"), reverse=True)


def save_model(run: RunFolder, model: keras.Model) -> None:
    """Write `model.keras` with Keras' own layers only, so that it opens without tem-rf. Remove old scores.

    Raises:
        DiskFullError: The disk is full; the previous model is kept.
    """
    portable = portable_copy(model, run.config.architecture)
    with replacing_file(run.model_file) as beside:
        portable.save(beside)
        run.forget_scores()
    run.forget_scores()  # again: an evaluation may have written those of the previous network in the meantime
