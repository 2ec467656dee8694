"""Example segmentations with the receptive field drawn: the study's figures 5 and 6."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.evaluation.false_negatives import network_of
from tem_rf.evaluation.trials import Results
from tem_rf.metrics.dice import hard_dice
from tem_rf.plots.receptive_field import draw_scale_bar
from tem_rf.plots.segmentation import overlay
from tem_rf.study.figures.base import Row, StudyFigure, draw_grid
from tem_rf.study.figures.selection import median_run, select_examples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FIELD_COLOUR = "#F0E442"


@dataclass(frozen=True, eq=False)
class Panel:
    """One segmented patch.

    Attributes:
        painted: (h, w, 3) uint8, outline and errors over the micrograph.
        row: Its numbers.
        pixel_size_nm: Side of a pixel [nm].
    """

    painted: np.ndarray
    row: Row
    pixel_size_nm: float | None


def example_segmentations(results: Results) -> StudyFigure:
    """A row per test patch, a panel per network from small field to large, its field as a square in the middle.

    Raises:
        NothingToShowError: No trial is scored, or the datasets are gone.
        ModelError: A run has no network.

    Source: Sytwu et al. 2022, figures 5 and 6.
    """
    lines: list[list[Panel]] = []
    for examples in select_examples(results):
        runs = [median_run(trial) for trial in examples.trials]
        methods = {run.run.name: network_of(run.run) for run in runs}
        for index in examples.patches:
            image, label = np.asarray(examples.dataset.images[index]), examples.dataset.particles(index)
            patch = examples.dataset.patches[index]
            line = []
            for run in runs:
                mask = methods[run.run.name](examples.dataset, index)
                row = {
                    "dataset": examples.name,
                    "source": patch.source,
                    "y_px": patch.y_px,
                    "x_px": patch.x_px,
                    "network": run.config.architecture.name,
                    "run": run.run.name,
                    "field_px": run.config.architecture.receptive_field.equation_size_px,
                    "hard_dice": float(hard_dice(mask, label)),
                    "false_negative_px": int((label & ~mask).sum()),
                    "false_positive_px": int((mask & ~label).sum()),
                }
                line.append(Panel(overlay(image, mask, label), row, examples.dataset.manifest.pixel_size_nm))
            lines.append(line)
    return StudyFigure(
        "Test patches segmented by the networks with the smallest field, the best hard dice and the largest field, "
        "each by the seed with the median dice: outline white, false negatives orange, false positives blue. "
        "The yellow square is the receptive field by equation (1) of the pixel in its middle. Shown of each dataset: "
        "the patch on which these networks differ most, and the one with the median dice.",
        [panel.row for line in lines for panel in line],
        lambda: draw_grid(lines, _draw_panel, panel_inches=3.2, text_inches=0.7),
    )


def _draw_panel(axes: "Axes", panel: Panel) -> None:
    from matplotlib.patches import Rectangle

    half, field_px, size = len(panel.painted) / 2, panel.row["field_px"], panel.pixel_size_nm
    axes.set_axis_off()
    axes.imshow(panel.painted, extent=(-half, half, half, -half))
    square = Rectangle((-field_px / 2,) * 2, field_px, field_px, fill=False, color=_FIELD_COLOUR, lw=1.6)
    axes.add_patch(square)
    axes.set(xlim=(-half, half), ylim=(half, -half))
    if size:
        draw_scale_bar(axes, size)
    field = f"field {field_px} px" + (f", {field_px * size:.2f} nm" if size else "")
    beyond = " (beyond the patch)" if field_px > 2 * half else ""
    place = f"{panel.row['dataset']}: {panel.row['source']} ({panel.row['y_px']}, {panel.row['x_px']})"
    score = f"hard dice {panel.row['hard_dice']:.3f}"
    axes.set_title(f"{place}\n{panel.row['network']}, {field}{beyond}\n{score}", fontsize=8)
