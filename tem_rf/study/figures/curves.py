"""Training and validation against epochs, by depth, coloured by receptive field."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from tem_rf.evaluation.trials import Results, TrialResult
from tem_rf.plots.style import label_decades
from tem_rf.study.figures.base import NothingToShowError, Row, StudyFigure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Score = Literal["hard_dice", "loss"]

_LABELS = {"hard_dice": "hard dice", "loss": "loss"}
_LIGHTEST = 0.85  # part of the colour map that stands out from white


def training_curves(results: Results, score: Score) -> StudyFigure:
    """A row per dataset, a panel per depth, a colour per receptive field; validation solid, training dashed.

    Raises:
        NothingToShowError: No epoch is done.
    """
    rows = [row for trial in results.trials for row in _rows(trial, score)]
    if not rows:
        raise NothingToShowError("No run has finished an epoch yet.")
    return StudyFigure(
        f"{_LABELS[score].capitalize()} against epochs, mean over the seeds that reached each epoch: validation solid, "
        "training dashed.",
        rows,
        lambda: _draw(rows, score),
    )


def _rows(trial: TrialResult, score: Score) -> list[Row]:
    """A row per epoch."""
    epochs = sorted({event.epoch for run in trial.runs for event in run.epochs})
    rows = []
    for epoch in epochs:
        events = [event for run in trial.runs for event in run.epochs if event.epoch == epoch]
        rows.append(
            {
                "dataset": trial.dataset,
                "depth": trial.architecture.depth,
                "trial": trial.name,
                "field_px": trial.architecture.receptive_field.equation_size_px,
                "epoch": epoch,
                f"training_{score}": statistics.fmean(getattr(event, score) for event in events),
                f"validation_{score}": statistics.fmean(getattr(event, f"validation_{score}") for event in events),
                "seeds": len(events),
            }
        )
    return rows


def _draw(rows: Sequence[Row], score: Score) -> "Figure":
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, LogNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    datasets, depths = list(dict.fromkeys(row["dataset"] for row in rows)), sorted({row["depth"] for row in rows})
    low, high = (extreme(row["field_px"] for row in rows) for extreme in (min, max))
    dark_part = ListedColormap(colormaps["viridis"]([_LIGHTEST * step / 255 for step in range(256)]))
    colours = ScalarMappable(LogNorm(low, max(high, 1.01 * low)), dark_part)
    figure = Figure(figsize=(4.2 * len(depths) + 1, 3.4 * len(datasets) + 0.4), layout="constrained")
    grid = figure.subplots(len(datasets), len(depths), squeeze=False, sharex=True, sharey="row")
    for line, dataset in zip(grid, datasets, strict=True):
        for panel, depth in zip(line, depths, strict=True):
            shown = [row for row in rows if row["dataset"] == dataset and row["depth"] == depth]
            if not shown:
                panel.set_axis_off()
                continue
            for name in dict.fromkeys(row["trial"] for row in shown):
                curve = [row for row in shown if row["trial"] == name]
                colour, epochs = colours.to_rgba(curve[0]["field_px"]), [row["epoch"] for row in curve]
                for part, style in (("training", {"ls": "--", "lw": 0.8}), ("validation", {"lw": 1.4})):
                    panel.plot(epochs, [row[f"{part}_{score}"] for row in curve], color=colour, **style)
            panel.set(title=f"{dataset}, N = {depth}", xlabel="epoch", ylabel=_LABELS[score])
            panel.tick_params(labelbottom=True, labelleft=True)  # the panels beside and below may be empty
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            panel.grid(alpha=0.3)
            if score == "loss":
                panel.set_yscale("log")
                label_decades(panel.yaxis)
    bar = figure.colorbar(colours, ax=grid, label="receptive field [px]", shrink=0.8)
    label_decades(bar.ax.yaxis)
    return figure
