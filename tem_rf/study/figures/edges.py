"""Outlines close up: blocky edges of large pooling, gridding of dilation."""

from typing import TYPE_CHECKING

import numpy as np

from tem_rf.evaluation.false_negatives import network_of
from tem_rf.evaluation.trials import Results
from tem_rf.metrics.boundary import score_boundary
from tem_rf.plots.receptive_field import draw_scale_bar
from tem_rf.plots.segmentation import overlay
from tem_rf.study.figures.base import StudyFigure, draw_grid
from tem_rf.study.figures.segmentations import Panel
from tem_rf.study.figures.selection import median_run, select_examples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WINDOW_PX = 160
MAX_PANELS = 8
_ENLARGEMENT = 4  # so that an outline is drawn thinner than a pixel of the micrograph is wide


def edges_close_up(results: Results) -> StudyFigure:
    """A row per dataset, a panel per network from small field to large, all of the same window.

    Raises:
        NothingToShowError: No trial is scored, or the datasets are gone.
        ModelError: A run has no network.
    """
    lines: list[list[Panel]] = []
    for examples in select_examples(results):
        trials = [trial for trial in results.trials if trial.dataset == examples.name and trial.scored]
        trials.sort(key=lambda trial: trial.architecture.receptive_field.equation_size_px)
        shown = np.linspace(0, len(trials) - 1, min(MAX_PANELS, len(trials))).round().astype(int)
        runs = [median_run(trials[index]) for index in shown]
        index = examples.patches[-1]
        image, label = np.asarray(examples.dataset.images[index]), examples.dataset.particles(index)
        masks = [network_of(run.run)(examples.dataset, index) for run in runs]
        window = most_contested_window(masks, label, WINDOW_PX)
        patch, pixel_size_nm = examples.dataset.patches[index], examples.dataset.manifest.pixel_size_nm
        line = []
        for run, mask in zip(runs, masks, strict=True):
            outline = score_boundary(mask, label)
            row = {
                "dataset": examples.name,
                "source": patch.source,
                "y_px": patch.y_px + window[0].start,
                "x_px": patch.x_px + window[1].start,
                "network": run.config.architecture.name,
                "run": run.run.name,
                "field_px": run.config.architecture.receptive_field.equation_size_px,
                "boundary_f1": outline.f1,
                "hausdorff95_px": outline.hausdorff95_px,
            }
            close_up = overlay(*(_enlarged(whole[window]) for whole in (image, mask, label)))
            line.append(Panel(close_up, row, pixel_size_nm and pixel_size_nm / _ENLARGEMENT))
        lines.append(line)
    return StudyFigure(
        f"The same {WINDOW_PX} px window of a test patch for up to {MAX_PANELS} networks, from small to large "
        "receptive field (seed with the median dice), where their outlines differ most along the label. Outline white, "
        "false negatives orange, false positives blue. Boundary F1 is that of the whole patch.",
        [panel.row for line in lines for panel in line],
        lambda: draw_grid(lines, _draw_panel, panel_inches=2.6, text_inches=0.6),
    )


def most_contested_window(masks: list[np.ndarray], label: np.ndarray, size: int) -> tuple[slice, slice]:
    """The square on which masks differ most near the label, inside the patch.

    Args:
        masks: (h, w) bool each.
        label: (h, w) bool.
        size: Side of the square [px]; the whole side of a smaller patch.
    """
    from scipy.ndimage import binary_dilation, uniform_filter

    size = min(size, *label.shape)
    near = binary_dilation(label, iterations=size // 16)
    contested = uniform_filter(np.var(np.asarray(masks, float), axis=0) * near, size, mode="constant")
    half = size // 2
    inside = contested[half : label.shape[0] - size + half + 1, half : label.shape[1] - size + half + 1]
    row, column = np.unravel_index(np.argmax(inside), inside.shape)
    return slice(int(row), int(row) + size), slice(int(column), int(column) + size)


def _enlarged(image: np.ndarray) -> np.ndarray:
    """(h, w) with every pixel as a square of equal ones."""
    return np.kron(image, np.ones((_ENLARGEMENT, _ENLARGEMENT), image.dtype))


def _draw_panel(axes: "Axes", panel: Panel) -> None:
    half = len(panel.painted) / 2
    axes.set_axis_off()
    axes.imshow(panel.painted, extent=(-half, half, half, -half))
    if panel.pixel_size_nm:
        draw_scale_bar(axes, panel.pixel_size_nm)
    row = panel.row
    network = f"{row['network']}, field {row['field_px']} px"
    axes.set_title(f"{row['dataset']}\n{network}\nboundary F1 {row['boundary_f1']:.3f}", fontsize=8)
