"""Score runs and methods without a network on the same images, for the rows of `tem-rf evaluate`."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tem_rf.data.prepared import PreparedDataset, Split
from tem_rf.errors import DatasetError, TemRfError
from tem_rf.evaluation.evaluate import evaluate_baselines, evaluate_run, evaluate_start
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
from tem_rf.runs.root import list_runs


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

    A run that started from a model is followed by the scores of that model, and by those of finished runs from scratch
    in the same folder, of the same network on the same dataset.

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
    scored: dict[tuple[str, tuple[int, int]], RunResult] = {}
    for run in (*runs, *runs_from_scratch(runs)):
        on_step(f"{run.name}: segmenting the {split} images")
        scores = evaluate_run(
            run, dataset, split=split, transforms=transforms, pictures=pictures and pictures / run.name
        )
        result = read_run(run)
        state = "finished" if result.state == NOT_SCORED else result.state
        calibration = result.calibration if split == "test" and transforms == 1 else None  # only that of these images
        scored[result.config.trial, result.config.member] = replace(
            result, state=state, scores=tuple(scores), calibration=calibration
        )
    rows: list[Row] = [*group_runs(scored.values())]
    if any(run.config.fold for run in runs):  # what is not trained in folds is scored on all images at once
        dataset = replace(dataset, patches=[replace(patch, split=split) for patch in dataset.patches])
    (name,) = dataset_labels([runs[0].config])
    for start, run in {run.config.start: run for run in runs if run.config.start is not None}.items():
        on_step(f"{start.name}: segmenting the {split} images")
        before = evaluate_start(run, dataset, split=split, transforms=transforms)
        note = f"the model that {run.name} started from, sha256 {start.sha256[:12]}"
        rows.append(MethodResult(name, f"before: {start.name}", summarize({0: before}), note))
    if baseline:
        on_step("segmenting with the methods without a network")
        rows += _methods(name, dataset, split=split, lattice_spacing_nm=lattice_spacing_nm)
    return rows


def runs_from_scratch(runs: Sequence[RunFolder]) -> list[RunFolder]:
    """Finished runs from scratch to compare with those that started from a model.

    Args:
        runs: The runs that are compared.

    Returns:
        Runs in the same folders, of the same network on the same dataset, that are not among them.
    """
    wanted = [(run.path.resolve().parent, run.config) for run in runs if run.config.start is not None]
    found: dict[Path, RunFolder] = {}
    for folder, config in wanted:
        for other in list_runs(folder):
            with suppress(TemRfError):  # a run that cannot be read is none to compare with
                result = read_run(other)
                is_alike = (
                    result.config.start is None
                    and result.config.dataset_sha256 == config.dataset_sha256
                    and result.config.architecture == config.architecture
                    and result.config.fold == config.fold
                )
                if is_alike and result.state in ("finished", NOT_SCORED):
                    found[other.path] = other
    return [run for path, run in found.items() if path not in {one.path.resolve() for one in runs}]


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
