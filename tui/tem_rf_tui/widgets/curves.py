"""Loss and dice of one run, or of several runs on top of each other."""

import math
from collections.abc import Sequence
from itertools import pairwise

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.geometry import Size
from textual.widgets import Static

from tem_rf.runs.view import RunView
from tem_rf_tui.curve_data import AXES, SMOOTHINGS, Axis, Curve, curve_of, time_unit
from tem_rf_tui.ticks import AXIS_ROWS, even_ticks, row_ticks, tick_labels
from tem_rf_tui.widgets.colour_plot import COLOURS, ColourPlot

MAX_CURVES = COLOURS
_CELLS_PER_X_TICK, _CELLS_PER_Y_TICK = 10, 2
_MARGIN = 0.04  # of the values, above and below them
_AFTER_KEY_S = 0.05
_NOTHING = "drawn from the first epoch on"
_LEGEND = "── validation  ┈┈ training"


class CurvePlot(ColourPlot):
    """Curves of one quantity, all in braille dots: of one run training (dotted) and validation, of several validation.

    Args:
        title: Name of the quantity, shown in the frame next to the legend, where it hides no data.
    """

    def __init__(self, title: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = title
        self.plt.xaxes(True, False)
        self.plt.yaxes(True, False)
        self._curves: Sequence[Curve] = ()
        self._axis: Axis = "epoch"
        self._is_log = False
        self._drawn_size = Size()

    def show(self, curves: Sequence[Curve], title: str, axis: Axis = "epoch", *, is_log: bool = False) -> None:
        """Draw curves."""
        self._title = title
        self._curves, self._axis, self._is_log = curves, axis, is_log
        self.draw()

    def on_resize(self, event: Resize) -> None:
        """Fit the ticks and the dots to the new size; a tab that is opened again has the same."""
        if self.size != self._drawn_size:
            self.draw()

    def draw(self) -> None:
        """Draw the curves."""
        self._drawn_size = self.size
        if not self.size:  # hidden: it is drawn once it has a size, after the rest of the screen
            return
        self.border_title = self._title
        self.plt.clear_data()
        curves = [curve for curve in self._curves if curve.x]
        is_single = len(self._curves) == 1
        values = [value for curve in curves for value in (*curve.validation, *(curve.training if is_single else ()))]
        values = [value for value in values if math.isfinite(value)]
        self.border_subtitle = (_LEGEND if is_single else "validation") if values else _NOTHING
        if values:
            is_log = self._is_log and min(values) > 0
            self._set_y_axis(min(values), max(values), is_log)
            divisor = self._set_x_axis(curves)
            for place, curve in enumerate(curves):
                x = [each / divisor for each in curve.x]
                if is_single:
                    dots = dotted(x, _scaled(curve.training, is_log), max(8, self.size.width))
                    self.plt.scatter(*dots, marker="braille", color=self.colour(0))
                self._draw_line(x, _scaled(curve.validation, is_log), 1 if is_single else place % COLOURS)
        self.refresh()

    def _draw_line(self, x: list[float], y: list[float], place: int) -> None:
        if len(x) == 1:  # a single dot would hardly be seen
            self.plt.scatter(x, y, marker="•", color=self.colour(place))
        else:
            self.plt.plot(x, y, marker="braille", color=self.colour(place))

    def _set_y_axis(self, low: float, high: float, is_log: bool) -> None:
        if is_log:
            ticks = _log_ticks(low, high, max(2, self.size.height // _CELLS_PER_Y_TICK))
            low, high = math.log10(low), math.log10(high)
            places = [math.log10(tick) for tick in ticks]
            labels = [f"{tick:.3g}" for tick in ticks]
            margin = _MARGIN * (high - low) or 0.01
            self.plt.ylim(low - margin, high + margin)
            self.plt.yticks(places, labels)
        else:
            low, high, ticks = row_ticks(low, high, self.size.height - AXIS_ROWS)
            self.plt.ylim(low, high)
            self.plt.yticks(ticks, tick_labels(ticks))

    def _set_x_axis(self, curves: Sequence[Curve]) -> float:
        """Set the horizontal axis; return what its positions are divided by."""
        last = max(curve.x[-1] for curve in curves)
        first = min(curve.x[0] for curve in curves)
        divisor, unit = time_unit(last) if self._axis == "time" else (1.0, "")
        first, last = (0.0 if self._axis == "time" else first / divisor), last / divisor
        ticks = even_ticks(first, last, max(2, self.size.width // _CELLS_PER_X_TICK), whole=self._axis != "time")
        margin = max(0.02 * (last - first), 0.5 if self._axis == "epoch" else 0.0)
        self.plt.xlim(first - margin, last + margin)
        labels = tick_labels(ticks)
        if labels and unit:
            labels[-1] = f"{labels[-1]} {unit}"
        self.plt.xticks(ticks, labels)
        return divisor


class Curves(Vertical):
    """Loss next to dice, or above it in a wide terminal.

    Attributes:
        runs: The runs that are drawn.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.runs: tuple[RunView, ...] = ()
        self._is_log = False
        self._axis: Axis = "epoch"
        self._smoothing = 0.0
        self._will_draw = False

    def compose(self) -> ComposeResult:
        yield Static(id="curve-legend")
        with Horizontal(id="curve-plots"):
            yield CurvePlot("loss", id="loss")
            yield CurvePlot("hard dice", id="dice")

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw_legend())

    def show(self, runs: Sequence[RunView]) -> None:
        """Draw the epochs of runs, if they have changed.

        They take 20 ms, so they are drawn a moment after the key, when the rest of the screen has been drawn.
        """
        before = [(run.run, run.epochs) for run in self.runs]
        self.runs = tuple(runs)
        if [(run.run, run.epochs) for run in runs] != before and not self._will_draw:
            self._will_draw = True
            self.set_timer(_AFTER_KEY_S, self._draw)

    def toggle_log(self) -> bool:
        """Switch the loss axis; True if it is now logarithmic."""
        self._is_log = not self._is_log
        self._draw()
        return self._is_log

    def next_axis(self) -> None:
        """Draw against epochs, steps or time."""
        self._axis = AXES[(AXES.index(self._axis) + 1) % len(AXES)]
        if self._axis == "step" and any(run.step is None for run in self.runs):  # not reported by all of these runs
            self._axis = "time"
        self._draw()

    def next_smoothing(self) -> None:
        """Smooth more, or not at all."""
        self._smoothing = SMOOTHINGS[(SMOOTHINGS.index(self._smoothing) + 1) % len(SMOOTHINGS)]
        self._draw()

    def _draw(self) -> None:
        self._will_draw = False
        how = "" if self._axis == "epoch" else f", against {self._axis}"
        how += f", smoothed {self._smoothing:g}" if self._smoothing else ""
        for name, quantity, title in (("loss", "loss", "loss"), ("dice", "hard_dice", "hard dice")):
            is_log = name == "loss" and self._is_log
            plot = self.query_one(f"#{name}", CurvePlot)
            curves = [curve_of(run, quantity, self._axis, self._smoothing) for run in self.runs]
            plot.show(curves, f"{title}{', log scale' if is_log else ''}{how}", self._axis, is_log=is_log)
        self._draw_legend()

    def _draw_legend(self) -> None:
        legend = self.query_one("#curve-legend", Static)
        legend.display = len(self.runs) > 1
        if not legend.display:
            return
        plot = self.query_one("#loss", CurvePlot)
        text = Text(no_wrap=True, overflow="ellipsis")
        for place, run in enumerate(self.runs):
            red, green, blue = plot.colour(place % COLOURS)
            best = f"  best {run.best.validation_hard_dice:.3f}" if run.best else ""
            text.append("▬ ", f"rgb({red},{green},{blue})").append(f"{run.run.name}{best}\n")
        text.right_crop(1)
        legend.update(text)


def dotted(x: Sequence[float], y: Sequence[float], count: int) -> tuple[list[float], list[float]]:
    """Return points along a line, about evenly spaced across it.

    >>> dotted([0.0, 2.0], [0.0, 4.0], 3)
    ([0.0, 1.0, 2.0], [0.0, 2.0, 4.0])
    """
    if len(x) < 2:
        return list(x), list(y)
    step = (x[-1] - x[0]) / (count - 1)
    shown_x, shown_y, next_x = [], [], x[0]
    for (left, low), (right, high) in pairwise(zip(x, y, strict=True)):
        while next_x <= right + 1e-9 * step and right > left:
            part = (next_x - left) / (right - left)
            shown_x.append(next_x)
            shown_y.append(low + part * (high - low))
            next_x = x[0] + len(shown_x) * step
    return shown_x, shown_y


def _scaled(values: Sequence[float], is_log: bool) -> list[float]:
    return [math.log10(value) for value in values] if is_log else list(values)


def _log_ticks(low: float, high: float, count: int) -> list[float]:
    """Return round numbers on a logarithmic axis; evenly spaced ones if it spans less than a factor of three.

    >>> _log_ticks(0.02, 0.7, 5), _log_ticks(0.5, 0.7, 2)
    ([0.02, 0.05, 0.1, 0.2, 0.5], [0.5, 0.6, 0.7])
    """
    if high < 3 * low:
        return even_ticks(low, high, count)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(ticks) <= count + 1:
            break
    return ticks
