"""Scores against the receptive field: a panel per dataset, a series per kind of network."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tem_rf.evaluation.columns import find_column
from tem_rf.evaluation.trials import TrialResult
from tem_rf.plots.style import PANEL_INCHES, colour, label_decades, marker, scale_fields
from tem_rf.study.figures.base import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DILATION = re.compile(r"d[\d.]+|smooth")


def kind(trial: TrialResult) -> str:
    """What a network is but for its poolings and dilations: depth, other parts of its name, settings that vary."""
    others = [part for part in _parts(trial) if not _DILATION.fullmatch(part)]
    return ", ".join([f"N = {trial.architecture.depth}", *others, *trial.variant.split()])


def dilation(trial: TrialResult) -> str | None:
    """Dilation per block, and whether it is smoothed, as the name of the architecture says it; None without."""
    return " ".join(part.removeprefix("d") for part in _parts(trial) if _DILATION.fullmatch(part)) or None


def _parts(trial: TrialResult) -> list[str]:
    """Parts of the name of the architecture after depth and poolings."""
    return trial.architecture.name.split("-")[2:]


def field_rows(trials: Sequence[TrialResult], metric: str, series: Callable[[TrialResult], str]) -> list[Row]:
    """A row per trial that has the score: its field, and mean ± sd over its seeds."""
    return [
        {
            "dataset": trial.dataset,
            "series": series(trial),
            "trial": trial.name,
            "field_px": (field_px := trial.architecture.receptive_field.equation_size_px),
            "field_nm": (size := trial.config.pixel_size_nm) and field_px * size,
            metric: spread.mean,
            "sd": spread.sd,
            "seeds": spread.seeds,
            "is_complete": trial.is_complete,
        }
        for trial in trials
        if (spread := trial.scores.get(metric))
    ]


def draw_field_panels(rows: Sequence[Row], metric: str) -> "Figure":
    """Draw `field_rows`: error bars are the sd over seeds, hollow points are trials that are not complete."""
    from matplotlib.figure import Figure

    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    names = sorted({row["series"] for row in rows})
    columns = 2 if len(datasets) == 4 else min(len(datasets), 3)
    lines = -(-len(datasets) // columns)
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * columns, height * lines + 0.5), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel, dataset in zip(panels, datasets, strict=False):
        shown = [row for row in rows if row["dataset"] == dataset]
        for index, name in enumerate(names):
            draw_series(panel, [row for row in shown if row["series"] == name], "field_px", metric, name, index)
        scale_fields(panel, [row["field_px"] for row in shown], "receptive field by equation (1) [px]")
        _add_nanometres(panel, shown[0])
        panel.set(ylabel=find_column(metric).title, title=dataset)
    for panel in panels[len(datasets) :]:
        panel.set_axis_off()
    add_legend(figure)
    return figure


def draw_series(
    axes: "Axes", rows: Sequence[Row], x: str, y: str, label: str, index: int, *, joined: bool = True
) -> None:
    """Draw points with error bars, joined in the order of x; the label is in the legend even without points."""
    rows = sorted(rows, key=lambda row: row[x])
    style: dict[str, Any] = {"color": colour(index), "marker": marker(index), "ms": 6}
    axes.plot([], [], **style, lw=1 if joined else 0, label=label)
    if not rows:
        return
    if joined:
        axes.plot([row[x] for row in rows], [row[y] for row in rows], color=colour(index), lw=1, alpha=0.5)
    for row in rows:
        face = colour(index) if row["is_complete"] else "white"
        axes.errorbar(row[x], row[y], yerr=row["sd"] or 0, **style, mfc=face, capsize=3, elinewidth=1)


def add_legend(figure: "Figure") -> None:
    """One legend for all panels, under them, each name once."""
    handles = {
        name: handle
        for axes in figure.axes
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }  # fmt: skip
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)


def _add_nanometres(axes: "Axes", row: Row) -> None:
    if row["field_nm"] is None:
        return
    size = row["field_nm"] / row["field_px"]
    above = axes.secondary_xaxis("top", functions=(lambda px: px * size, lambda nm: nm / size))
    above.set_xlabel("[nm]", fontsize=9)
    if axes.get_xscale() == "log":
        label_decades(above.xaxis)
