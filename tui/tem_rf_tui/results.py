"""Dice tables from the scores of runs; read in worker threads, since NumPy comes with the scores."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.errors import ReadError
from tem_rf.runs.view import RunTracker, RunView
from tem_rf.study.folder import list_studies

if TYPE_CHECKING:
    from tem_rf.metrics.scores import ImageScores
    from tem_rf.metrics.summary import Spread

METRICS = ("hard_dice", "soft_dice", "boundary_f1", "hausdorff95_px")
COLUMNS = (
    "dataset", "network", "seeds", "validation", "hard dice", "soft dice", "boundary F1", "HD95 px",
    "field px", "weights", "recipe", "study",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ScoredImage:
    """A test image as a run segmented it."""

    run: RunView
    scores: "ImageScores"


@dataclass(frozen=True)
class ResultRow:
    """A trial, or one of its runs.

    Attributes:
        runs: Runs that differ in nothing but their seed.
        cells: Text of each column.
        keys: What each column is sorted by: a number, or a text.
        images: Scores of each image by each run.
    """

    runs: tuple[RunView, ...]
    cells: tuple[str, ...]
    keys: tuple[float | str, ...]
    images: tuple[ScoredImage, ...]

    def contains(self, words: str) -> bool:
        """Whether all words stand somewhere in the row."""
        text = " ".join([*self.cells, *(run.run.name for run in self.runs)]).lower()
        return all(word in text for word in words.lower().split())


class StudyRuns:
    """Looks at the runs of all studies of a folder again and again.

    Args:
        root: Folder of the studies; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._trackers: dict[str, RunTracker] = {}

    def poll(self) -> dict[str, list[RunView]]:
        """The runs as they are now, by the name of their study."""
        try:
            studies = list_studies(self._root)
        except OSError:  # removed a moment ago, or may not be read
            studies = []
        trackers = {each.name: self._trackers.get(each.name) or RunTracker(each.runs_folder) for each in studies}
        self._trackers = trackers
        return {name: tracker.poll() for name, tracker in trackers.items()}


def read_results(runs: Mapping[str, Iterable[RunView]], *, is_grouped: bool) -> list[ResultRow]:
    """The table of all runs with at least one epoch.

    Args:
        runs: The runs by the name of their study; those of none under an empty name.
        is_grouped: A row per trial, in place of one per run.
    """
    groups: dict[tuple[str, str], list[RunView]] = {}
    for study, members in runs.items():
        for run in members:
            if run.config is not None and run.epochs:
                groups.setdefault((study, run.config.trial if is_grouped else run.run.name), []).append(run)
    return [_row(tuple(group), study) for (study, _), group in groups.items()]


def _row(runs: tuple[RunView, ...], study: str) -> ResultRow:
    from tem_rf.metrics.summary import summarize

    config = runs[0].config
    assert config is not None
    images = tuple(ScoredImage(run, scores) for run in runs for scores in _scores(run))
    scores = {run.config.seed: [each.scores for each in images if each.run is run] for run in runs if run.config}
    spreads = summarize({seed: each for seed, each in scores.items() if each})
    field_px, weights = config.architecture.receptive_field.equation_size_px, config.architecture.parameters
    seeds = sorted(scores)
    validation = _validation(runs)
    chosen = [spreads.get(metric) for metric in METRICS]
    return ResultRow(
        runs=runs,
        cells=(
            config.dataset.name, config.architecture.name,
            str(seeds[0]) if len(seeds) == 1 else f"{len(seeds)} seeds",
            _cell(validation), *map(_cell, chosen), str(field_px), f"{weights:,}", config.training.recipe, study,
        ),
        keys=(
            config.dataset.name, config.architecture.name, len(seeds), validation.mean,
            *(-1.0 if spread is None else spread.mean for spread in chosen),
            field_px, weights, config.training.recipe, study,
        ),
        images=images,
    )  # fmt: skip


def _scores(run: RunView) -> "list[ImageScores]":
    from tem_rf.metrics.scores import read_scores

    try:
        return read_scores(run.run.scores_file)
    except ReadError:  # not evaluated yet
        return []


def _validation(runs: tuple[RunView, ...]) -> "Spread":
    import statistics

    from tem_rf.metrics.summary import Spread

    best = [run.best.validation_hard_dice for run in runs if run.best]
    return Spread(statistics.fmean(best), statistics.stdev(best) if len(best) > 1 else None, len(best))


def _cell(spread: "Spread | None") -> str:
    if spread is None:
        return "–"
    return f"{spread.mean:.3f}" + (f" ± {spread.sd:.3f}" if spread.sd is not None else "")
