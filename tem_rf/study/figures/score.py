"""Dice and other scores against the receptive field: the study's figures 2, 3 and 4."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.errors import DatasetError
from tem_rf.evaluation.columns import find_column
from tem_rf.evaluation.trials import Results, TrialResult
from tem_rf.plots.style import colour, scale_fields
from tem_rf.study.figures.base import NothingToShowError, Row, StudyFigure
from tem_rf.study.figures.series import add_legend, dilation, draw_field_panels, draw_series, field_rows, kind

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def score_against_field(results: Results, metric: str = "hard_dice") -> StudyFigure:
    """A panel per dataset, a series per depth; dilated networks have a figure of their own.

    Args:
        results: The trials.
        metric: Name of a score.

    Raises:
        NothingToShowError: No trial without dilation is scored.

    Source: Sytwu et al. 2022, figure 2.
    """
    rows = field_rows([trial for trial in results.trials if dilation(trial) is None], metric, kind)
    if not rows:
        raise NothingToShowError("No network without dilation is finished and scored yet.")
    title = find_column(metric).title
    return StudyFigure(
        f"{title[0].upper()}{title[1:]} of the test images against the receptive field by equation (1), a series per "
        "depth. Points are means over seeds, bars their standard deviation; hollow points lack some seeds.",
        rows,
        lambda: draw_field_panels(rows, metric),
    )


def dilated_networks(results: Results) -> StudyFigure:
    """A panel per dataset, a series per dilation; only depths of which dilated networks were tried.

    Raises:
        NothingToShowError: No dilated network is scored.

    Source: Sytwu et al. 2022, figure 4.
    """
    dilated_kinds = {kind(trial) for trial in results.trials if dilation(trial) and trial.scored}
    if not dilated_kinds:
        raise NothingToShowError("No network with dilation is finished and scored.")
    rows = field_rows([trial for trial in results.trials if kind(trial) in dilated_kinds], "hard_dice", _series)
    return StudyFigure(
        "Hard dice of the test images against the receptive field, with and without dilation: does the way the "
        "receptive field is obtained matter? Bars are standard deviations over seeds; hollow points are incomplete "
        "(seeds missing).",
        rows,
        lambda: draw_field_panels(rows, "hard_dice"),
    )


def _series(trial: TrialResult) -> str:
    pattern = dilation(trial)
    return f"{kind(trial)}, " + (f"dilation {pattern}" if pattern else "no dilation")


_MAX_BINS = 30


def dice_by_particle_size(results: Results) -> StudyFigure:
    """All datasets in one panel, a series each, and a histogram of particle diameters for each.

    Raises:
        NothingToShowError: No trial without dilation is scored.

    Source: Sytwu et al. 2022, figure 3.
    """
    trials = [trial for trial in results.trials if trial.scored and dilation(trial) is None]
    if not trials:
        raise NothingToShowError("No network without dilation is finished and scored yet.")
    unit = "nm" if all(trial.config.pixel_size_nm for trial in trials) else "px"
    dice = field_rows(trials, "hard_dice", lambda trial: trial.dataset)
    trial_of_dataset = {trial.dataset: trial for trial in trials}
    histograms: list[Row] = []
    reasons = ""
    for dataset, trial in trial_of_dataset.items():
        try:
            rows = _histogram_rows(trial, unit)
            reasons += "" if rows else f" No diameters for {dataset}: no particle is completely inside a patch."
            histograms += rows
        except DatasetError as error:
            reasons += f" No diameters for {dataset}: {error}"
    return StudyFigure(
        "Hard dice of the test images against the receptive field, all datasets and depths, and the diameters of the "
        "particles that are completely inside the patches of a micrograph (dashed: median). Bars are standard "
        "deviations "
        f"over seeds.{reasons}",
        [{"panel": "dice", **row} for row in dice] + histograms,
        lambda: _draw(dice, histograms, unit),
    )


def _histogram_rows(trial: TrialResult, unit: str) -> list[Row]:
    from tem_rf.evaluation.inspection import inspect_dataset
    from tem_rf.runs.dataset import open_training_data

    scale = trial.config.pixel_size_nm if unit == "nm" else 1.0
    diameters = inspect_dataset(open_training_data(trial.config)).diameters_px * scale
    if not diameters.size:
        return []
    counts, edges = np.histogram(diameters, min(_MAX_BINS, max(8, diameters.size // 5)), (0, diameters.max()))
    return [
        {
            "panel": "histogram",
            "dataset": trial.dataset,
            f"low_{unit}": low,
            f"high_{unit}": high,
            "particles": int(count),
            f"median_{unit}": float(np.median(diameters)),
        }
        for count, low, high in zip(counts, edges, edges[1:], strict=False)
    ]


def _draw(dice: Sequence[Row], histograms: Sequence[Row], unit: str) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    datasets = list(dict.fromkeys(row["dataset"] for row in dice))
    figure = Figure(figsize=(10.5, max(4.6, 1.5 * len(datasets))), layout="constrained")
    grid = figure.add_gridspec(len(datasets), 2, width_ratios=(3, 2))
    axes = figure.add_subplot(grid[:, 0])
    field = f"field_{unit}"
    for index, dataset in enumerate(datasets):
        rows = [row for row in dice if row["dataset"] == dataset]
        draw_series(axes, rows, field, "hard_dice", dataset, index)
    scale_fields(axes, [row[field] for row in dice], f"receptive field by equation (1) [{unit}]")
    axes.set_ylabel("hard dice")
    largest = max((row[f"high_{unit}"] for row in histograms), default=1.0)
    for index, dataset in enumerate(datasets):
        panel = figure.add_subplot(grid[index, 1])
        rows = [row for row in histograms if row["dataset"] == dataset]
        if rows:
            edges = [row[f"low_{unit}"] for row in rows] + [rows[-1][f"high_{unit}"]]
            panel.stairs([row["particles"] for row in rows], edges, fill=True, color=colour(index), alpha=0.7)
            panel.axvline(rows[0][f"median_{unit}"], color="black", ls="--", lw=1)
            panel.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        else:
            panel.text(0.5, 0.5, "no diameters", ha="center", transform=panel.transAxes)
            panel.set_yticks([])
        panel.set(xlim=(0, largest * 1.05), ylabel="particles")
        panel.set_title(dataset, fontsize=9)
        if index == len(datasets) - 1:
            panel.set_xlabel(f"particle diameter [{unit}]")
    add_legend(figure)
    return figure
