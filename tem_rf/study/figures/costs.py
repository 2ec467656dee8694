"""Dice against costs (parameters, training time), with the Pareto front."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tem_rf.evaluation.columns import find_column, number
from tem_rf.evaluation.trials import Results
from tem_rf.plots.style import PANEL_INCHES, label_decades
from tem_rf.study.figures.base import NothingToShowError, Row, StudyFigure
from tem_rf.study.figures.series import add_legend, draw_series, kind
from tem_rf.study.results.pareto import COSTS, pareto_front

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LABELS = {"parameters": "trainable parameters", "time_s": "time of a training [s]"}


def dice_against_costs(results: Results) -> StudyFigure:
    """A row per dataset, a panel per cost; the line joins the Pareto front of dice against that cost.

    Raises:
        NothingToShowError: No trial is complete.
    """
    trials = [trial for trial in results.trials if trial.is_complete]
    if not trials:
        raise NothingToShowError("No trial has all its seeds finished and scored yet.")
    fronts = {cost: pareto_front(trials, costs=[cost]) for cost in COSTS}
    rows = [
        {
            "dataset": trial.dataset,
            "series": kind(trial),
            "trial": trial.name,
            "hard_dice": trial.scores["hard_dice"].mean,
            "sd": trial.scores["hard_dice"].sd,
            "is_complete": True,
            **{cost: number(find_column(cost).value(trial)) for cost in COSTS},
            **{f"on_front_{cost}": trial in fronts[cost] for cost in COSTS},
        }
        for trial in trials
    ]
    return StudyFigure(
        "Hard dice of the test images against parameters and training time. The grey line is the Pareto front: no "
        "other trial has a higher dice at the same or a lower cost. Bars are standard deviations over seeds; "
        "incomplete trials are left out.",
        rows,
        lambda: _draw(rows),
    )


def _draw(rows: Sequence[Row]) -> "Figure":
    from matplotlib.figure import Figure

    datasets, names = list(dict.fromkeys(row["dataset"] for row in rows)), sorted({row["series"] for row in rows})
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * len(COSTS), height * len(datasets) + 0.5), layout="constrained")
    grid = figure.subplots(len(datasets), len(COSTS), squeeze=False, sharey="row")
    for line, dataset in zip(grid, datasets, strict=True):
        for panel, cost in zip(line, COSTS, strict=True):
            shown = [row for row in rows if row["dataset"] == dataset and row[cost] is not None]
            front = sorted((row for row in shown if row[f"on_front_{cost}"]), key=lambda row: row[cost])
            end = [max(row[cost] for row in shown)] if front else []
            panel.plot(
                [row[cost] for row in front] + end,
                [row["hard_dice"] for row in front + front[-1:]],
                color="0.45", lw=2, drawstyle="steps-post", zorder=0, label="Pareto front",
            )  # fmt: skip
            for index, name in enumerate(names):
                points = [row for row in shown if row["series"] == name]
                draw_series(panel, points, cost, "hard_dice", name, index, joined=False)
            panel.set(xlabel=_LABELS[cost], title=dataset)
            if cost == "parameters":
                panel.set_xscale("log")
                label_decades(panel.xaxis)
            panel.grid(alpha=0.3)
        line[0].set_ylabel("hard dice")
    add_legend(figure)
    return figure
