"""Where a model may be used: the dice of its masks over dose and defocus, and over the pixel size.

Poor masks are orange to brown, good ones blue; the conditions of the training have a frame.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.files import replacing_file
from tem_rf.plots.style import plain_style
from tem_rf.trust.record import TRUSTED_DICE, DiceMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROBUSTNESS = "robustness.png"
"""Name of the picture, in the folder of a model and in reports."""

_WIDTH, _ROW, _AROUND = 5.2, 0.42, 1.05  # inches
_DPI, _COLOURS = 80, 128  # few colours make a file of 8 kB, which included models have room for
_DARK = 0.45  # numbers on darker cells are white


Models = Sequence[tuple[str, Sequence[DiceMap]]]
"""Heading and maps of each model."""


def write_robustness(path: Path, models: Models) -> None:
    """Write a PNG of the maps of models, one model per column.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    from PIL import Image

    content = BytesIO()
    with plain_style():
        draw_robustness(models).savefig(content, format="png", dpi=_DPI)
    with replacing_file(path) as beside, Image.open(content) as picture:
        picture.convert("RGB").quantize(_COLOURS).save(beside, format="PNG", optimize=True)


def draw_robustness(models: Models) -> "Figure":
    """Draw the maps of models, one model per column."""
    from matplotlib.figure import Figure

    count = max(len(maps) for _, maps in models)
    heights = [_ROW * max(len(maps[row].dice) for _, maps in models if row < len(maps)) for row in range(count)]
    size = (_WIDTH * len(models), sum(heights) + _AROUND * len(heights))
    figure = Figure(figsize=size, layout="constrained")
    ratios = [height + _AROUND / 2 for height in heights]
    grid = figure.subplots(len(heights), len(models), squeeze=False, height_ratios=ratios)
    for column, (title, maps) in enumerate(models):
        for axes in grid[len(maps) :, column]:
            axes.set_axis_off()
        for axes, one in zip(grid[:, column], maps, strict=False):
            _draw(axes, one)
        is_marked = any(one.usual is not None for one in maps)
        grid[0, column].set_title(f"{title} (frame: as in the training)" if is_marked else title, fontsize="medium")
    drawn = grid[0, 0].images[0]
    figure.colorbar(drawn, ax=grid, label="mean dice", ticks=(0, 0.5, TRUSTED_DICE, 1), fraction=0.04, pad=0.02)
    return figure


def _draw(axes: "Axes", one: DiceMap) -> None:
    """Draw a map as coloured cells with their numbers."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    colours = [(0.0, "#7f2704"), (TRUSTED_DICE, "#fdd0a2"), (TRUSTED_DICE + 1e-6, "#c6dbef"), (1.0, "#08519c")]
    table = np.array([[np.nan if dice is None else dice for dice in row] for row in one.dice])
    axes.imshow(table, cmap=LinearSegmentedColormap.from_list("dice", colours), vmin=0, vmax=1, aspect="auto")
    for (row, column), dice in np.ndenumerate(table):
        is_dark = dice < _DARK or dice > (1 + TRUSTED_DICE) / 2
        text = "–" if np.isnan(dice) else f"{dice:.2f}"
        axes.text(column, row, text, ha="center", va="center", fontsize="small", color="white" if is_dark else "black")
    if one.usual is not None:
        row, column = one.usual
        corner = column - 0.5, row - 0.5
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=2.5, clip_on=False, zorder=3))
    axes.set_xticks(range(len(one.column_values)), _labels(one.column_values))
    axes.set_yticks(range(len(one.row_values)), _labels(one.row_values) if one.rows else [""])
    axes.set(xlabel=one.columns, ylabel=one.rows)
    axes.tick_params(length=0)


def _labels(values: Sequence[float]) -> list[str]:
    """Three digits are enough, but 1350 is easier to read than 1.35e+03."""
    return [f"{value:.0f}" if value >= 1000 else f"{value:.3g}" for value in values]
