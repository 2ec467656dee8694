"""The columns of a table of trials: names, values, sorting and filtering."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tem_rf.errors import SettingsError
from tem_rf.evaluation.trials import Row, TrialResult, natural_order
from tem_rf.metrics.summary import Spread

Value = str | float | Spread | None


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        key: Its name in commands, CSV and JSON.
        title: Its name for people.
        value: Its value for a trial; None if there is none.
        digits: Decimals shown.
        is_default: Whether it is shown by default.
    """

    key: str
    title: str
    value: Callable[[TrialResult], Value]
    digits: int = 3
    is_default: bool = True

    def of(self, row: Row) -> Value:
        """Its value for a row; a method without a network only has a dataset, a name and scores."""
        if isinstance(row, TrialResult):
            return self.value(row)
        texts: dict[str, Value] = {"dataset": row.dataset, "network": row.method}
        return texts.get(self.key) or row.scores.get(self.key)


COLUMNS = {
    column.key: column
    for column in (
        Column("dataset", "dataset", lambda trial: trial.dataset),
        Column("network", "network", lambda trial: trial.method),
        Column("settings", "settings", lambda trial: trial.variant or None),
        Column("depth", "depth", lambda trial: trial.architecture.depth, 0),
        Column("field_px", "field [px]", lambda trial: trial.architecture.receptive_field.equation_size_px, 0),
        Column("field_nm", "field [nm]", lambda trial: _field_nm(trial), 2),
        Column("parameters", "parameters", lambda trial: trial.architecture.parameters, 0),
        Column("seeds", "seeds", lambda trial: _seeds(trial)),
        Column("state", "state", lambda trial: trial.state),
        Column("hard_dice", "hard dice", lambda trial: trial.scores.get("hard_dice")),
        Column("soft_dice", "soft dice", lambda trial: trial.scores.get("soft_dice")),
        Column("boundary_f1", "boundary F1", lambda trial: trial.scores.get("boundary_f1")),
        Column("hausdorff95_px", "HD95 [px]", lambda trial: trial.scores.get("hausdorff95_px"), 1),
        Column(
            "instance_precision", "precision", lambda trial: trial.scores.get("instance_precision"), is_default=False
        ),
        Column("instance_recall", "recall", lambda trial: trial.scores.get("instance_recall"), is_default=False),
        Column("instance_f1", "F1 at IoU 0.5", lambda trial: trial.scores.get("instance_f1")),
        Column("mean_instance_f1", "mean F1", lambda trial: trial.scores.get("mean_instance_f1"), is_default=False),
        Column("panoptic_quality", "panoptic quality", lambda trial: trial.scores.get("panoptic_quality")),
        Column("merged", "merged", lambda trial: trial.scores.get("merged"), 2, is_default=False),
        Column("split", "split", lambda trial: trial.scores.get("split"), 2, is_default=False),
        Column("calibration_error", "ECE", lambda trial: trial.calibration_error),
        Column("uncalibrated_error", "ECE at T = 1", lambda trial: trial.uncalibrated_error, is_default=False),
        Column("temperature", "T", lambda trial: trial.temperature, 2, is_default=False),
        Column("validation_hard_dice", "validation", lambda trial: trial.validation_hard_dice),
        Column("time_s", "time [s]", lambda trial: trial.training_time_s, 0),
        Column("recipe", "recipe", lambda trial: trial.config.training.recipe, is_default=False),
        Column("study", "study", lambda trial: trial.study or None, is_default=False),
    )
}
"""The columns by key, in order. Scores are those of the test images, mean ± sd over seeds. Precision, recall
and F1 count particles that match with an intersection over union of at least 0.5. The field is the receptive field of
equation (1). ECE is the expected calibration error of the pixels of the test images, T the temperature. The
time is that of one training."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda value, limit: value <= limit,
    ">=": lambda value, limit: value >= limit,
    "<": lambda value, limit: value < limit,
    ">": lambda value, limit: value > limit,
    "!=": lambda value, limit: value != limit,
    "=": lambda value, limit: value == limit,
}


def find_column(key: str) -> Column:
    """The column with a key.

    Raises:
        SettingsError: There is no such column.
    """
    if key not in COLUMNS:
        raise SettingsError(f"column {key!r}: expected one of {', '.join(COLUMNS)}.")
    return COLUMNS[key]


def number(value: Value) -> float | None:
    """The number by which a value is sorted and filtered, if it has one."""
    if isinstance(value, Spread):
        return value.mean
    return None if isinstance(value, str) else value


def sort_trials(trials: Iterable[TrialResult], key: str) -> list[TrialResult]:
    """Sort by a column, smallest first; largest first if the key starts with a minus. Trials without a value come last.

    Raises:
        SettingsError: There is no such column.
    """
    return sort_by(trials, find_column(key.removeprefix("-")), is_descending=key.startswith("-"))


def sort_by(trials: Iterable[TrialResult], column: Column, *, is_descending: bool) -> list[TrialResult]:
    """Sort by a column; trials without a value come last."""
    trials = list(trials)
    known = [trial for trial in trials if column.value(trial) is not None]
    known.sort(key=lambda trial: _order(column.value(trial)), reverse=is_descending)
    return known + [trial for trial in trials if column.value(trial) is None]


def filter_trials(trials: Iterable[TrialResult], conditions: Sequence[str]) -> list[TrialResult]:
    """Keep the trials that meet all conditions.

    Args:
        trials: The trials.
        conditions: Such as `depth=2`, `field_px<=200`, `hard_dice>0.8`, `network~p44` (contains), `state!=finished`.

    Raises:
        SettingsError: A condition cannot be parsed, or the column is unknown.
    """
    tests = [_read_condition(condition) for condition in conditions]
    return [trial for trial in trials if all(test(trial) for test in tests)]


def _order(value: Value) -> tuple[Any, ...]:
    """Order of values: numbers by size, text by the numbers in it. All values of a column are of one kind."""
    return natural_order(value) if isinstance(value, str) else (number(value),)


def _read_condition(condition: str) -> Callable[[TrialResult], bool]:
    found = re.fullmatch(r"\s*(\w+)\s*(<=|>=|!=|=|<|>|~)\s*(.+?)\s*", condition)
    if found is None:
        raise SettingsError(
            f"filter {condition!r}: expected COLUMN=VALUE, or with !=, <, <=, >, >=, ~ (contains) for =."
        )
    key, sign, text = found.groups()
    column = find_column(key)

    def is_met(trial: TrialResult) -> bool:
        value = column.value(trial)
        amount = number(value)
        if sign == "~":
            return text.lower() in str(value).lower()
        if amount is None:
            return (str(value) == text) is (sign == "=") if isinstance(value, str) and sign in ("=", "!=") else False
        return _COMPARISONS[sign](amount, _limit(condition, text))

    return is_met


def _limit(condition: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise SettingsError(f"filter {condition!r}: expected a number, received {text!r}.") from error


def _field_nm(trial: TrialResult) -> float | None:
    size = trial.config.pixel_size_nm
    return None if size is None else trial.architecture.receptive_field.equation_size_px * size


def _seeds(trial: TrialResult) -> str:
    done, asked_for = len(trial.scored), len(trial.runs) + len(trial.missing_seeds)
    kind = "" if trial.config.fold is None else " folds"
    return (str(done) if done == asked_for else f"{done} of {asked_for}") + kind
