"""Pareto front of trials in dice and costs."""

from collections.abc import Iterable, Sequence

from tem_rf.evaluation.columns import find_column, number
from tem_rf.evaluation.trials import TrialResult

COSTS = ("parameters", "time_s")


def pareto_front(
    trials: Iterable[TrialResult], *, gain: str = "hard_dice", costs: Sequence[str] = COSTS
) -> list[TrialResult]:
    """Return the Pareto-optimal trials of each dataset: none is at least as good in everything and better in something.

    Incomplete trials are ignored, because means over different numbers of seeds are not comparable.

    Args:
        trials: Trials on one or several datasets; dice of different datasets is not compared.
        gain: Column to maximize.
        costs: Columns to minimize.

    Raises:
        SettingsError: There is no such column.
    """
    columns = [find_column(gain), *map(find_column, costs)]
    points: dict[TrialResult, tuple[float, ...]] = {}
    for trial in trials:
        values = [number(column.value(trial)) for column in columns]
        if trial.is_complete and None not in values:
            points[trial] = tuple(-value if index else value for index, value in enumerate(values) if value is not None)
    return [
        trial
        for trial, point in points.items()
        if not any(beats(other, point) for rival, other in points.items() if rival.dataset == trial.dataset)
    ]


def beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether a point is at least as good in everything and better in something; more is better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other
