"""Which networks and which patches are looked at in pictures: few, and not picked by hand."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tem_rf.data.prepared import PreparedDataset
from tem_rf.errors import DatasetError
from tem_rf.evaluation.trials import Results, RunResult, TrialResult
from tem_rf.metrics.summary import mean_over_images
from tem_rf.runs.dataset import open_training_data
from tem_rf.study.figures.base import NothingToShowError


@dataclass(frozen=True, eq=False)
class DatasetExamples:
    """What is shown of one dataset.

    Attributes:
        name: Name of the dataset.
        dataset: The dataset, open.
        trials: The trials with the smallest field, the best hard dice and the largest field, by field.
        patches: Indices of the test patch on which the trials differ most and of the one with the median hard dice.
    """

    name: str
    dataset: PreparedDataset
    trials: tuple[TrialResult, ...]
    patches: tuple[int, ...]


def select_examples(results: Results) -> list[DatasetExamples]:
    """Choose for each dataset that is still there.

    Raises:
        NothingToShowError: No trial is scored, or no dataset is there as the runs began with it.
    """
    examples, reasons = [], []
    for name in dict.fromkeys(trial.dataset for trial in results.trials if trial.scored):
        trials = [trial for trial in results.trials if trial.dataset == name and trial.scored]
        try:
            dataset = open_training_data(trials[0].config)
        except DatasetError as error:
            reasons.append(str(error))
            continue
        trials = _spread_of_fields(trials)
        examples.append(DatasetExamples(name, dataset, tuple(trials), _patches(dataset, trials)))
    if not examples:
        raise NothingToShowError(reasons[0] if reasons else "No run is finished and scored yet.")
    return examples


def median_run(trial: TrialResult) -> RunResult:
    """The run whose hard dice is the median of its trial, the lower one of two."""
    return sorted(trial.scored, key=lambda run: mean_over_images(run.scores, "hard_dice") or 0.0)[
        (len(trial.scored) - 1) // 2
    ]


def _spread_of_fields(trials: Sequence[TrialResult]) -> list[TrialResult]:
    by_field = sorted(trials, key=lambda trial: trial.architecture.receptive_field.equation_size_px)
    best = max(by_field, key=lambda trial: trial.scores["hard_dice"].mean)
    return [trial for trial in by_field if trial in (by_field[0], best, by_field[-1])]


def _patches(dataset: PreparedDataset, trials: Sequence[TrialResult]) -> tuple[int, ...]:
    indices = {(patch.source, patch.y_px, patch.x_px): index for index, patch in enumerate(dataset.patches)}
    dice: dict[int, list[float]] = {}
    for trial in trials:
        for image in median_run(trial).scores:
            dice.setdefault(indices[image.source, image.y_px, image.x_px], []).append(image.hard_dice)
    contested = max(dice, key=lambda index: max(dice[index]) - min(dice[index]))
    usual = sorted(dice, key=lambda index: statistics.fmean(dice[index]))[(len(dice) - 1) // 2]
    return tuple(dict.fromkeys((contested, usual)))
