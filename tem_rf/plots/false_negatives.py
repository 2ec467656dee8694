"""Plots of false negatives: maps over the micrograph, and the dice between methods."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import numpy as np

from tem_rf.plots.saved_figure import save_figure
from tem_rf.plots.segmentation import grey_levels, overlay

_COLUMNS = 4
_NAME_WIDTH = 26  # characters of a line above a panel


def write_false_negative_maps(
    path: Path, image: np.ndarray, label: np.ndarray, maps: np.ndarray, names: Sequence[str]
) -> None:
    """Write a PNG: the micrograph, and a panel per method with its mask outlined and its false negatives in orange.

    Args:
        path: PNG file to write.
        image: (h, w), any scale.
        label: (h, w) bool.
        maps: (m, h, w) bool false negatives.
        names: Names of the m methods.
    """
    from matplotlib.figure import Figure

    rows = -(-(len(maps) + 1) // _COLUMNS)
    columns = min(len(maps) + 1, _COLUMNS)
    figure = Figure(figsize=(3 * columns, 3.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    panels[0].imshow(grey_levels(image), cmap="gray", vmin=0, vmax=255)
    panels[0].set_title("micrograph", fontsize=9)
    particles = np.count_nonzero(label)
    for panel, false_negatives, name in zip(panels[1:], maps, names, strict=False):
        # For a mask equal to the label minus the false negatives, the overlay paints only these.
        panel.imshow(overlay(image, label & ~false_negatives, label))
        fraction = (
            f"false negatives {np.count_nonzero(false_negatives) / particles:.1%}" if particles else "no particles"
        )
        panel.set_title("\n".join([*wrap(name, _NAME_WIDTH), fraction]), fontsize=9, parse_math=False)
    for panel in panels:
        panel.set_axis_off()
    save_figure(path, figure, dpi=150)


def write_false_negative_dice(path: Path, methods: Sequence[str], mean_dice: np.ndarray, images: int) -> None:
    """Write a PNG of the mean dice between the false-negative maps of each pair of methods.

    Args:
        path: PNG file to write.
        methods: Names of the m methods.
        mean_dice: (m, m), mean over the images.
        images: Number of images.
    """
    from matplotlib.figure import Figure

    names = ["\n".join(wrap(name, _NAME_WIDTH)) for name in methods]
    side = 2.5 + 0.9 * len(names)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(mean_dice, cmap="cividis", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    for (row, column), value in np.ndenumerate(mean_dice):
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="black" if value > 0.5 else "white")
    axes.set_title(f"dice between false negatives, mean of {images} images", fontsize=10)
    figure.colorbar(picture, ax=axes, shrink=0.8)
    save_figure(path, figure, dpi=150)
