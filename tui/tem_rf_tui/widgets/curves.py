"""Loss and dice over the epochs."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal

from tem_rf.runs.events import EpochEvent
from tem_rf_tui.widgets.colour_plot import ColourPlot


class CurvePlot(ColourPlot):
    """Two curves over the epochs: training as a fine line, validation as circles.

    Args:
        title: What is drawn; it stands in the frame with the key to the curves, where it can hide no epoch.
    """

    def __init__(self, title: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = title
        self.border_subtitle = "⣀⡠ training  ∙ validation"
        self.plt.xaxes(True, False)
        self.plt.yaxes(True, False)
        self.plt.yfrequency(5)
        self._training: Sequence[float] = ()
        self._validation: Sequence[float] = ()
        self._is_log = False

    def show(self, training: Sequence[float], validation: Sequence[float], *, is_log: bool = False) -> None:
        """Draw the values of epochs 1, 2, ..."""
        self._training, self._validation, self._is_log = training, validation, is_log
        self.draw()

    def draw(self) -> None:
        """Draw the curves."""
        training, validation = self._training, self._validation
        self.plt.clear_data()
        self.plt.yscale("log" if self._is_log and min((*training, *validation), default=0) > 0 else "linear")
        epochs = range(1, len(training) + 1)
        if training:
            self.plt.xticks(whole_ticks(len(training)))
            self.plt.xlim(0.5, len(training) + 0.5)
            self.plt.plot(epochs, training, marker="braille", color=self.colour(0))
            self.plt.plot(epochs, validation, marker="∙", color=self.colour(1))
        self.refresh()


class Curves(Horizontal):
    """Loss beside dice; the loss on a linear or a logarithmic axis.

    Attributes:
        epochs: The epochs that are drawn.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.epochs: tuple[EpochEvent, ...] = ()
        self._is_log = False

    def compose(self) -> ComposeResult:
        yield CurvePlot("loss", id="loss")
        yield CurvePlot("hard dice", id="dice")

    def show(self, epochs: tuple[EpochEvent, ...]) -> None:
        """Draw the epochs; what is drawn already is left alone."""
        if epochs != self.epochs:
            self.epochs = epochs
            self._draw()

    def toggle_log(self) -> bool:
        """Change the axis of the loss; True where it is logarithmic now."""
        self._is_log = not self._is_log
        self._draw()
        return self._is_log

    def _draw(self) -> None:
        loss, dice = self.query_one("#loss", CurvePlot), self.query_one("#dice", CurvePlot)
        loss.border_title = "loss, log scale" if self._is_log else "loss"
        loss.show(
            [each.loss for each in self.epochs],
            [each.validation_loss for each in self.epochs],
            is_log=self._is_log,
        )
        dice.show([each.hard_dice for each in self.epochs], [each.validation_hard_dice for each in self.epochs])


def whole_ticks(last: int, count: int = 5) -> list[float]:
    """Up to so many whole numbers from 1 to the last, about evenly apart.

    >>> whole_ticks(3), whole_ticks(100)
    ([1, 2, 3], [1, 26, 50, 75, 100])
    """
    if last <= count:
        return list(range(1, last + 1))
    return [round(1 + (last - 1) * index / (count - 1)) for index in range(count)]
