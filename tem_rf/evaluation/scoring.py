"""Score runs and methods without a network on the same images: the rows of `tem-rf evaluate`."""

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
    """Score runs, those that differ in nothing but their seed in one row, and methods without a network.

    Args:
        runs: Runs on the dataset, each with at least one epoch.
        dataset: Their dataset.
        split: Which patches.
        transforms: See `evaluate_run`.
        pictures: Folder for overlays, a folder in it per run; None writes none.
        baseline: Also segment without a network.
        lattice_spacing_nm: For Fourier filtering; None to find the fringes in the images.
        on_step: Called with what is done next.

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
        on_step("segmenting without a network")
        (name,) = dataset_labels([runs[0].config])
        rows += _methods(name, dataset, split=split, lattice_spacing_nm=lattice_spacing_nm)
    return rows


def score_methods(trials: Iterable[TrialResult]) -> list[MethodResult]:
    """Score Fourier filtering and the brightness threshold on each dataset of some trials.

    Args:
        trials: The trials; their datasets are opened.

    Returns:
        Two rows per dataset, in the order of the trials; where a dataset cannot be opened, the note says why.
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
