"""The dice table: runs and methods without a network, scored on the same images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tem_rf.data.prepared import PreparedDataset, Split
from tem_rf.evaluation.evaluate import evaluate_baselines, evaluate_run
from tem_rf.metrics.summary import Spread, summarize
from tem_rf.runs.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class MethodScores:
    """A row of the table; what only networks have is None for a method without one.

    Attributes:
        method: Name of the architecture, or of the method without a network.
        recipe: Recipe of the training.
        parameters: Trainable parameters.
        receptive_field_px: By equation (1) [px].
        seeds: Seeds of the runs in this row.
        images: Number of scored images.
        note: Settings of a method without a network, or why it cannot work on these images.
        scores: Mean ± sd over the seeds of every score, see `summarize`.
    """

    method: str
    recipe: str | None = None
    parameters: int | None = None
    receptive_field_px: int | None = None
    seeds: tuple[int, ...] | None = None
    images: int | None = None
    note: str | None = None
    scores: dict[str, Spread]


def dice_table(
    runs: Sequence[RunFolder],
    dataset: PreparedDataset,
    *,
    split: Split = "test",
    transforms: int = 1,
    pictures: Path | None = None,
    baseline: bool = True,
    lattice_spacing_nm: float | None = None,
    on_step: Callable[[str], None] = lambda what: None,
) -> list[MethodScores]:
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
    rows = []
    for trial in _trials(runs):
        scores = {}
        for run in trial:
            on_step(f"{run.name}: segmenting the {split} images")
            scores[run.config.seed] = evaluate_run(
                run, dataset, split=split, transforms=transforms, pictures=pictures and pictures / run.name
            )
        config = trial[0].config
        rows.append(
            MethodScores(
                method=config.architecture.name,
                recipe=config.training.recipe,
                parameters=config.architecture.parameters,
                receptive_field_px=config.architecture.receptive_field.equation_size_px,
                seeds=tuple(sorted(scores)),
                images=len(next(iter(scores.values()))),
                scores=summarize(scores),
            )
        )
    if baseline:
        on_step("segmenting without a network")
        results = evaluate_baselines(dataset, split=split, lattice_spacing_nm=lattice_spacing_nm)
        rows += [
            MethodScores(method=method, note=note, scores=summarize({0: scores_without_network}))
            for method, (scores_without_network, note) in results.items()
        ]
    return rows


def _trials(runs: Sequence[RunFolder]) -> list[list[RunFolder]]:
    trials: dict[str, list[RunFolder]] = {}
    for run in runs:
        trials.setdefault(run.config.trial, []).append(run)
    return list(trials.values())
