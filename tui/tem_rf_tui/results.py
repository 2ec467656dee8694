"""The rows of the Results screen: trials from the runs and studies of the workspace."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tem_rf.errors import ReadError
from tem_rf.evaluation.columns import COLUMNS as ALL_COLUMNS
from tem_rf.evaluation.columns import Column, Value
from tem_rf.evaluation.table import cell
from tem_rf.evaluation.trials import RunResult, TrialResult, group_runs
from tem_rf.metrics.scores import ImageScores, read_scores
from tem_rf.metrics.summary import Spread
from tem_rf.runs.calibration import read_calibration
from tem_rf.runs.view import RunTracker, RunView
from tem_rf.study.folder import list_studies
from tem_rf_tui.wording import has_words

METRICS = ("hard_dice", "soft_dice", "boundary_f1", "hausdorff95_px")


def _seeds(trial: TrialResult) -> Value:
    """Return the seed of a single run, or the number of seeds."""
    return str(trial.config.seed) if len(trial.runs) == 1 else f"{len(trial.runs)} seeds"


def _validation(trial: TrialResult) -> Value:
    """Return the best validation hard dice so far, including unfinished runs."""
    return Spread.of([run.best.validation_hard_dice for run in trial.runs if run.best])


COLUMNS = (
    ALL_COLUMNS["dataset"],
    ALL_COLUMNS["network"],
    Column("seeds", "seeds", _seeds),
    Column("validation_hard_dice", "validation", _validation),
    *(ALL_COLUMNS[metric] for metric in METRICS),
    *(ALL_COLUMNS[key] for key in ("field_px", "parameters", "recipe", "study", "calibration_error")),
)


@dataclass(frozen=True, eq=False)
class ScoredImage:
    """A test image segmented by a run."""

    run: RunResult
    scores: ImageScores


class StudyRuns:
    """Tracks the runs of all studies in a folder.

    Args:
        root: Folder of the studies; it may not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._trackers: dict[str, RunTracker] = {}

    def poll(self) -> dict[str, list[RunView]]:
        """Return the current runs, by the name of their study."""
        try:
            studies = list_studies(self._root)
        except OSError:  # just removed, or not readable
            studies = []
        trackers = {each.name: self._trackers.get(each.name) or RunTracker(each.runs_folder) for each in studies}
        self._trackers = trackers
        return {name: tracker.poll() for name, tracker in trackers.items()}


def read_results(runs: Mapping[str, Iterable[RunView]], *, is_grouped: bool) -> list[TrialResult]:
    """Return the trials of all runs with at least one epoch.

    Args:
        runs: The runs by the name of their study; runs outside studies under an empty name.
        is_grouped: One row per trial instead of one per run.
    """
    return [
        trial
        for study, tracked in runs.items()
        for trial in group_runs(_results(tracked), study=study, is_grouped=is_grouped)
    ]


def cells_of(trial: TrialResult) -> tuple[str, ...]:
    """Return the text of each column."""
    return tuple(cell(column, trial) for column in COLUMNS)


def contains(trial: TrialResult, cells: tuple[str, ...], words: str) -> bool:
    """Whether all words occur in the cells of a row or in the names of its runs."""
    return has_words(" ".join([*cells, *(run.run.name for run in trial.runs)]), words)


def images_of(trial: TrialResult) -> list[ScoredImage]:
    """Return each image as segmented by each run, worst hard dice first."""
    images = [ScoredImage(run, scores) for run in trial.runs for scores in run.scores]
    return sorted(images, key=lambda image: image.scores.hard_dice)


def _results(runs: Iterable[RunView]) -> list[RunResult]:
    return [
        RunResult(run.run, run.config, run.state, run.detail, run.epochs, _scores(run), read_calibration(run.run))
        for run in runs
        if run.config is not None and run.epochs
    ]


def _scores(run: RunView) -> tuple[ImageScores, ...]:
    try:
        return tuple(read_scores(run.run.scores_file))
    except ReadError:  # not evaluated yet
        return ()
