"""Pictures side by side: a line per patch or dataset, a panel per method."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
