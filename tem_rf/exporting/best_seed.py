"""Select the runs to export among runs that differ only in their seed or fold."""

import shlex
from collections.abc import Sequence

from tem_rf.errors import ModelError
from tem_rf.inference.card import SeedScores
from tem_rf.metrics.scores import read_scores
from tem_rf.metrics.summary import mean_over_images
from tem_rf.runs.config import differences
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.view import view_run


def best_seed(runs: Sequence[RunFolder]) -> RunFolder:
    """Return the run with the best validation hard dice; test images are not used for the selection.

    Raises:
        ModelError: Runs differ in more than their seed, or one has no finished epoch.
    """
    for other in runs[1:]:
        differing = differences(runs[0].config, other.config).keys() - {"seed", "fold.number"}
        if differing:
            raise ModelError(
                f"{runs[0].name} and {other.name}: differ in {', '.join(sorted(differing))}; expected runs that differ "
                "only in their seed or fold; export these one by one."
            )
    return max(runs, key=_validation_hard_dice)


def all_folds(runs: Sequence[RunFolder]) -> list[RunFolder]:
    """The runs of a cross-validation in order.

    Raises:
        ModelError: A fold is missing, so that some micrographs would be scored by no network.
    """
    fold = runs[0].config.fold
    assert fold is not None
    for seed in sorted({run.config.seed for run in runs}):
        present = {run.config.fold.number for run in runs if run.config.seed == seed and run.config.fold}
        missing = [str(number) for number in range(1, fold.folds + 1) if number not in present]
        if missing:
            raise ModelError(
                f"{runs[0].name}: fold {', '.join(missing)} of {fold.folds} is missing; name the runs of all folds, or "
                "one of them to export it alone."
            )
    return sorted(runs, key=lambda run: run.config.member)


def seed_scores(runs: Sequence[RunFolder]) -> tuple[SeedScores, ...]:
    """Return the scores of each run for the card."""
    return tuple(
        SeedScores(
            seed=run.config.seed,
            fold=run.config.fold.number if run.config.fold else None,
            validation_hard_dice=_validation_hard_dice(run),
            test_hard_dice=mean_over_images(read_scores(run.scores_file), "hard_dice") if run.is_scored else None,
        )
        for run in runs
    )


def _validation_hard_dice(run: RunFolder) -> float:
    best = view_run(run).best
    if best is None:
        command = f"tem-rf resume {shlex.quote(str(run.path))}"
        raise ModelError(f"{run.path}: has not finished an epoch; train it further with `{command}`.")
    return best.validation_hard_dice
