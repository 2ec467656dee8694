"""Dice vs. width of the receptive field, one line per depth."""

import math
from collections.abc import Sequence

from tem_rf_tui.study_trials import StudyTrial
from tem_rf_tui.ticks import AXIS_ROWS, row_ticks, tick_labels
from tem_rf_tui.widgets.colour_plot import ColourPlot

_MARKS = ("●", "▲", "■", "◆", "✚", "★")


class FieldPlot(ColourPlot):
    """Plots finished trials; mark and colour show the depth, bars are ± SD over two or more seeds.

    Attributes:
        trials: The trials that are drawn.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "validation dice vs. field (px, log scale)"
        self.plt.xaxes(True, False)
        self.plt.yaxes(True, False)
        self.trials: Sequence[StudyTrial] = ()

    def show(self, trials: Sequence[StudyTrial]) -> None:
        """Draw the trials that have a result, if they have changed."""
        known = [trial for trial in trials if trial.counts]
        points = [(trial.field_px, trial.mean, trial.sd, trial.architecture.depth) for trial in known]
        if points == [(each.field_px, each.mean, each.sd, each.architecture.depth) for each in self.trials]:
            return
        self.trials = known
        self.draw()

    def on_resize(self) -> None:
        """Fit the ticks to the new size."""
        self.draw()

    def draw(self) -> None:
        """Draw the trials."""
        known = self.trials
        self.plt.clear_data()
        depths = sorted({trial.architecture.depth for trial in known})
        for depth in depths:
            self._draw([trial for trial in known if trial.architecture.depth == depth], depth)
        if known:
            self._set_axes(known)
        keys = [f"{mark_of(depth)} depth {depth}" for depth in depths]
        self.border_subtitle = "  ".join([*keys, "│ ± SD over seeds"] if any(each.sd for each in known) else keys)
        self.refresh()

    def _draw(self, trials: Sequence[StudyTrial], depth: int) -> None:
        colour = self.colour(_place(depth))
        fields, means = [math.log2(trial.field_px) for trial in trials], [trial.mean for trial in trials]
        self.plt.plot(fields, means, marker="braille", color=colour)
        for trial in trials:
            if trial.mean is not None and trial.sd is not None:
                ends = [trial.mean - trial.sd, trial.mean + trial.sd]
                self.plt.plot([math.log2(trial.field_px)] * 2, ends, marker="│", color=colour)
        self.plt.scatter(fields, means, marker=mark_of(depth), color=colour)

    def _set_axes(self, trials: Sequence[StudyTrial]) -> None:
        fields = sorted({trial.field_px for trial in trials})
        low, high = math.log2(fields[0]), math.log2(fields[-1])
        margin = max(0.1, 0.03 * (high - low))
        self.plt.xlim(low - margin, high + margin)
        values = [each.mean + sign * (each.sd or 0.0) for each in trials if each.mean is not None for sign in (-1, 1)]
        first, last, heights = row_ticks(min(values), max(values), self.size.height - AXIS_ROWS)
        self.plt.ylim(first, last)
        self.plt.yticks(heights, tick_labels(heights))
        ticks = spread_ticks(fields)
        self.plt.xticks([math.log2(tick) for tick in ticks], [str(tick) for tick in ticks])


def spread_ticks(values: Sequence[int], count: int = 6) -> list[int]:
    """Select sorted values that are at least 1/`count` of their range apart on a logarithmic axis.

    >>> spread_ticks([10, 12, 40, 44, 100, 1000], 4)
    [10, 40, 1000]
    """
    step = math.log2(values[-1] / values[0]) / count
    chosen = [values[0]]
    for value in values[1:]:
        if math.log2(value / chosen[-1]) >= step and (value == values[-1] or math.log2(values[-1] / value) >= step):
            chosen.append(value)
    return chosen


def mark_of(depth: int) -> str:
    """Return the mark of a depth."""
    return _MARKS[_place(depth)]


def _place(depth: int) -> int:
    return (depth - 2) % len(_MARKS)  # the depths of the study start at 2
