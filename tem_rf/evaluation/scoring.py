"""Score runs and methods without a network on the same images, for the rows of `tem-rf evaluate`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tem_rf.data.prepared import PreparedDataset, Split
from tem_rf.errors import DatasetError
from tem_rf.evaluation.evaluate import evaluate_baselines, evaluate_run
from tem_rf.evaluation.trials import (
    NOT_SCORED,
    MethodResult,
    Row,
    RunResult,
    TrialResult,
    dataset_labels,
    group_runs,
    read_run,
)
from tem_rf.metrics.summary import summarize
from tem_rf.runs.dataset import open_training_data
from tem_rf.runs.folder import RunFolder


def score_runs(
    runs: Sequence[RunFolder],
    dataset: PreparedDataset,
    *,
    split: Split = "test",
    transforms: int = 1,
    pictures: Path | None = None,
    baseline: bool = True,
    lattice_spacing_nm: float | None = None,
    on_step: Callable[[str], None] = lambda what: None,
) -> list[Row]:
    """Score runs, with one row for runs that differ only in their seed, and methods without a network.

    Args:
        runs: Runs on the dataset, each with at least one completed epoch.
        dataset: Their dataset.
        split: The split to score.
        transforms: See `evaluate_run`.
        pictures: Folder for overlays, with a subfolder per run; None: no overlays.
        baseline: Also score the methods without a network.
        lattice_spacing_nm: For Fourier filtering; None: find the fringes in the images.
        on_step: Called with a description of the next step.

    Raises:
        DatasetError: The split is empty.
        ModelError: A run has no network.
    """
    scored: dict[tuple[str, int], RunResult] = {}
    for run in runs:
        on_step(f"{run.name}: segmenting the {split} images")
        scores = evaluate_run(
            run, dataset, split=split, transforms=transforms, pictures=pictures and pictures / run.name
        )
        result = read_run(run)
        state = "finished" if result.state == NOT_SCORED else result.state
        scored[result.config.trial, result.config.seed] = replace(result, state=state, scores=tuple(scores))
    rows: list[Row] = [*group_runs(scored.values())]
    if baseline:
        on_step("segmenting with the methods without a network")
        (name,) = dataset_labels([runs[0].config])
        rows += _methods(name, dataset, split=split, lattice_spacing_nm=lattice_spacing_nm)
    return rows


def score_methods(trials: Iterable[TrialResult]) -> list[MethodResult]:
    """Score Fourier filtering and the brightness threshold on each dataset of some trials.

    Args:
        trials: The trials, whose datasets are opened.

    Returns:
        Two rows per dataset, in the order of the trials. If a dataset cannot be opened, the note states why.
    """
    rows: list[MethodResult] = []
    for name, trial in reversed({trial.dataset: trial for trial in reversed(list(trials))}.items()):
        try:
            rows += _methods(name, open_training_data(trial.config))
        except DatasetError as error:
            rows.append(MethodResult(name, "Fourier filtering", {}, str(error)))
    return rows


def _methods(
    name: str, dataset: PreparedDataset, *, split: Split = "test", lattice_spacing_nm: float | None = None
) -> list[MethodResult]:
    results = evaluate_baselines(dataset, split=split, lattice_spacing_nm=lattice_spacing_nm)
    return [MethodResult(name, method, summarize({0: scores}), note) for method, (scores, note) in results.items()]
