"""False negatives of networks and of Fourier filtering, as in figures 7 and S8 of the study."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.evaluation.false_negatives import FOURIER, dice_between, false_negative_maps, methods_of_runs
from tem_rf.evaluation.trials import Results
from tem_rf.metrics.boundary import boundary
from tem_rf.plots.receptive_field import draw_scale_bar
from tem_rf.plots.segmentation import FALSE_NEGATIVE, grey_levels
from tem_rf.study.figures.base import Row, StudyFigure, draw_grid
from tem_rf.study.figures.selection import DatasetExamples, select_examples

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Panel:
    """What one method misses of one patch.

    Attributes:
        image: (h, w), any scale.
        label: (h, w) bool.
        false_negatives: (h, w) float, fraction of the runs that miss a pixel; None: the micrograph alone.
        title: Title above it.
        pixel_size_nm: Side of a pixel [nm].
    """

    image: np.ndarray
    label: np.ndarray
    false_negatives: np.ndarray | None
    title: str
    pixel_size_nm: float | None


def false_negatives_figure(results: Results) -> StudyFigure:
    """A row per test patch: the micrograph, Fourier filtering, and networks: the fraction of seeds that miss a pixel.

    Raises:
        NothingToShowError: No trial is scored, or the datasets are gone.
        ModelError: A run has no network.

    Source: Sytwu et al. 2022, figures 7 and S8.
    """
    lines: list[list[Panel]] = []
    rows: list[Row] = []
    remarks: list[str] = []
    for examples in select_examples(results):
        methods, band = methods_of_runs(
            [run.run for trial in examples.trials for run in trial.scored], examples.dataset
        )
        remarks.append(f"{examples.name}: {FOURIER} {band}.")
        names = list(methods)
        for index in examples.patches:
            line, more = _look_at(examples, index, names, false_negative_maps(methods, examples.dataset, index))
            lines.append(line)
            rows += more
    return StudyFigure(
        "False negatives in orange, stronger where more seeds miss a pixel; label outlined in white. In the numbers, "
        "'dice with Fourier filtering' is the dice between the two false-negative maps: near 1, both fail at the "
        f"same places. {' '.join(remarks)}",
        rows,
        lambda: draw_grid(lines, _draw_panel, panel_inches=3.2, text_inches=0.5),
    )


def _look_at(
    examples: DatasetExamples, index: int, names: Sequence[str], maps: np.ndarray
) -> tuple[list[Panel], list[Row]]:
    """Panels and numbers of one patch; maps are (methods, h, w), in the order of the names."""
    image, label = np.asarray(examples.dataset.images[index]), examples.dataset.particles(index)
    patch, size = examples.dataset.patches[index], examples.dataset.manifest.pixel_size_nm
    panels = [Panel(image, label, None, f"{examples.name}: {patch.source} ({patch.y_px}, {patch.x_px})", size)]
    rows = []
    groups = {FOURIER: [FOURIER]} if FOURIER in names else {}
    groups |= {trial.name: [run.run.name for run in trial.scored] for trial in examples.trials}
    fourier = maps[names.index(FOURIER)] if FOURIER in names else None
    for method, run_names in groups.items():
        false_negatives = maps[[names.index(run_name) for run_name in run_names]]
        fraction = false_negatives.sum() / max(1, len(false_negatives) * label.sum())
        agreement = (
            [dice_between(np.stack([one, fourier]))[0, 1] for one in false_negatives] if fourier is not None else []
        )
        rows.append(
            {
                "dataset": examples.name,
                "source": patch.source,
                "y_px": patch.y_px,
                "x_px": patch.x_px,
                "method": method,
                "seeds": len(run_names) if method != FOURIER else None,
                "false_negative_fraction": float(fraction),
                "dice_with_fourier_filtering": float(np.mean(agreement)) if agreement else None,
            }
        )
        panels.append(
            Panel(image, label, false_negatives.mean(axis=0), f"{method}\nfalse negatives {fraction:.1%}", size)
        )
    return panels, rows


def _draw_panel(axes: "Axes", panel: Panel) -> None:
    half = len(panel.image) / 2
    axes.set_axis_off()
    axes.imshow(_paint(panel), extent=(-half, half, half, -half))
    if panel.pixel_size_nm:
        draw_scale_bar(axes, panel.pixel_size_nm)
    axes.set_title(panel.title, fontsize=8)


def _paint(panel: Panel) -> np.ndarray:
    """(h, w, 3) uint8."""
    painted = np.repeat(grey_levels(panel.image)[..., None], 3, axis=-1).astype(np.float64)
    if panel.false_negatives is not None:
        opacity = 0.8 * panel.false_negatives[..., None]
        painted = (1 - opacity) * painted + opacity * np.array(FALSE_NEGATIVE)
    painted[boundary(panel.label)] = 255
    return painted.astype(np.uint8)
