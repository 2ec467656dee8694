"""What methods without a network reach on the test images of the trials of a table."""

from collections.abc import Iterable
from dataclasses import dataclass

from tem_rf.errors import DatasetError
from tem_rf.metrics.summary import Spread, summarize
from tem_rf.study.results.trials import TrialResult


@dataclass(frozen=True)
class MethodResult:
    """A method without a network on one dataset; it was not trained, so it has no seeds and no costs.

    Attributes:
        dataset: Name of the dataset, as its trials have it.
        method: Name of the method.
        scores: Mean over the test images of each score, by its name; empty where the method cannot work on them.
        note: The settings it chose, or why it cannot work.
    """

    dataset: str
    method: str
    scores: dict[str, Spread]
    note: str

    @property
    def name(self) -> str:
        """Dataset and method."""
        return f"{self.dataset}-{self.method}"


def methods_without_network(trials: Iterable[TrialResult]) -> list[MethodResult]:
    """Score Fourier filtering and the brightness threshold on each dataset of some trials.

    Args:
        trials: The trials; their datasets are opened.

    Returns:
        Two rows per dataset, in the order of the trials; where a dataset cannot be opened, the note says why.
    """
    datasets = {trial.dataset: trial for trial in reversed(list(trials))}
    return [row for dataset, trial in reversed(datasets.items()) for row in _on_dataset(dataset, trial)]


def _on_dataset(dataset: str, trial: TrialResult) -> list[MethodResult]:
    from tem_rf.evaluation.evaluate import evaluate_baselines
    from tem_rf.runs.dataset import open_training_data

    try:
        results = evaluate_baselines(open_training_data(trial.config))
    except DatasetError as error:
        return [MethodResult(dataset, "Fourier filtering", {}, str(error))]
    return [MethodResult(dataset, method, summarize({0: scores}), note) for method, (scores, note) in results.items()]
