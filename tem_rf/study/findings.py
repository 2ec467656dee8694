"""What can be said of the trials of a dataset: the best one, and whether others can be told from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tem_rf.study.comparison import Comparison, compare_trials
from tem_rf.study.trials import Results, TrialResult


@dataclass(frozen=True)
class Finding:
    """The best trial of a dataset, and the others held against it.

    Attributes:
        dataset: Name of the dataset.
        best: Name of the complete trial with the greatest mean hard dice.
        comparisons: The best against every other complete trial, the closest first.
    """

    dataset: str
    best: str
    comparisons: tuple[Comparison, ...]

    @property
    def sentence(self) -> str:
        """How many of the others are told from the best one."""
        others, told = len(self.comparisons), sum(each.is_distinguishable for each in self.comparisons)
        if not others:
            return f"{self.best} is the only trial that is complete."
        return (
            f"{self.best} has the greatest mean hard dice of {others + 1}. Over these test images and seeds {told} of "
            f"the other {others} can be told from it; picked as the greatest of all, its lead is overstated."
        )


def find_best(results: Results) -> list[Finding]:
    """Hold the best trial of each dataset against the others; trials that are not complete take no part."""
    findings = []
    for dataset in dict.fromkeys(trial.dataset for trial in results.trials):
        trials = [trial for trial in results.trials if trial.dataset == dataset and trial.is_complete]
        if trials:
            findings.append(_finding(dataset, trials))
    return findings


def _finding(dataset: str, trials: Sequence[TrialResult]) -> Finding:
    best, *others = sorted(trials, key=lambda trial: trial.scores["hard_dice"].mean, reverse=True)
    return Finding(dataset, best.name, tuple(compare_trials(best, other) for other in others))
