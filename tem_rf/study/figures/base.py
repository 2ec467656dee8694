"""What a figure is: numbers and a drawing of them; plots side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tem_rf.errors import TemRfError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Row = dict[str, Any]


class NothingToShowError(TemRfError):
    """These runs have no data for a figure; the message is a sentence with the reason."""


@dataclass(frozen=True, eq=False)
class StudyFigure:
    """A figure, not yet drawn.

    Attributes:
        caption: Content of the figure and how to read it.
        rows: The numbers behind it, as rows of a table.
        draw: Draws them.
    """

    caption: str
    rows: list[Row]
    draw: "Callable[[], Figure]"


T = TypeVar("T")


def draw_grid(
    lines: Sequence[Sequence[T]], draw_panel: "Callable[[Axes, T], None]", *, panel_inches: float, text_inches: float
) -> "Figure":
    """Draw square panels, each with room for text above or below it; lines may differ in length."""
    from matplotlib.figure import Figure

    columns = max(map(len, lines))
    figure = Figure(figsize=(panel_inches * columns, (panel_inches + text_inches) * len(lines)), layout="constrained")
    grid = figure.subplots(len(lines), columns, squeeze=False)
    for line, panels in zip(grid, lines, strict=True):
        for axes in line[len(panels) :]:
            axes.set_axis_off()
        for axes, panel in zip(line, panels, strict=False):
            draw_panel(axes, panel)
    return figure
