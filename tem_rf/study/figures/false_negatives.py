"""What networks miss, and whether Fourier filtering misses the same: the study's figures 7 and S8."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.evaluation.false_negatives import FOURIER, dice_between, methods_of_runs, miss_maps
from tem_rf.evaluation.trials import Results
from tem_rf.metrics.boundary import boundary
from tem_rf.plots.receptive_field import draw_scale_bar
from tem_rf.plots.segmentation import MISSED, grey_levels
from tem_rf.study.figures.base import Row, StudyFigure, draw_grid
from tem_rf.study.figures.selection import Chosen, choose

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Panel:
    """What one method misses of one patch.

    Attributes:
        image: (h, w), any scale.
        label: (h, w) bool.
        missed: (h, w) float, part of the runs that miss a pixel; None: the micrograph alone.
        title: What stands above it.
        pixel_size_nm: Side of a pixel [nm].
    """

    image: np.ndarray
    label: np.ndarray
    missed: np.ndarray | None
    title: str
    pixel_size_nm: float | None


def false_negative_maps(results: Results) -> StudyFigure:
    """A row per test patch: the micrograph, Fourier filtering, and what part of the seeds of networks miss.

    Raises:
        NothingToShowError: No trial is scored, or the datasets are gone.
        ModelError: A run has no network.

    Source: Sytwu et al. 2022, figures 7 and S8.
    """
    lines: list[list[Panel]] = []
    rows: list[Row] = []
    remarks: list[str] = []
    for chosen in choose(results):
        methods, band = methods_of_runs([run.run for trial in chosen.trials for run in trial.scored], chosen.dataset)
        remarks.append(f"{chosen.name}: {FOURIER} {band}.")
        names = list(methods)
        for index in chosen.patches:
            line, more = _look_at(chosen, index, names, miss_maps(methods, chosen.dataset, index))
            lines.append(line)
            rows += more
    return StudyFigure(
        "Particle that is missed, in orange, the stronger the more seeds miss it; label outlined in white. In the "
        "numbers, dice with Fourier filtering is that between the two maps of what is missed: near 1 both fail at the "
        f"same places. {' '.join(remarks)}",
        rows,
        lambda: draw_grid(lines, _draw_panel, panel_inches=3.2, text_inches=0.5),
    )


def _look_at(chosen: Chosen, index: int, names: Sequence[str], maps: np.ndarray) -> tuple[list[Panel], list[Row]]:
    """Panels and numbers of one patch; maps are (methods, h, w), in the order of the names."""
    image, label = np.asarray(chosen.dataset.images[index]), chosen.dataset.labels[index] > 0
    patch, size = chosen.dataset.patches[index], chosen.dataset.manifest.pixel_size_nm
    panels = [Panel(image, label, None, f"{chosen.name}: {patch.source} ({patch.row}, {patch.column})", size)]
    rows = []
    groups = {FOURIER: [FOURIER]} if FOURIER in names else {}
    groups |= {trial.name: [run.run.name for run in trial.scored] for trial in chosen.trials}
    fourier = maps[names.index(FOURIER)] if FOURIER in names else None
    for method, members in groups.items():
        missed = maps[[names.index(member) for member in members]]
        part = missed.sum() / max(1, len(missed) * label.sum())
        agreement = [dice_between(np.stack([one, fourier]))[0, 1] for one in missed] if fourier is not None else []
        rows.append(
            {
                "dataset": chosen.name,
                "source": patch.source,
                "row": patch.row,
                "column": patch.column,
                "method": method,
                "seeds": len(members) if method != FOURIER else None,
                "missed": float(part),
                "dice_with_fourier_filtering": float(np.mean(agreement)) if agreement else None,
            }
        )
        panels.append(Panel(image, label, missed.mean(axis=0), f"{method}\nmisses {part:.1%}", size))
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
    if panel.missed is not None:
        opacity = 0.8 * panel.missed[..., None]
        painted = (1 - opacity) * painted + opacity * np.array(MISSED)
    painted[boundary(panel.label)] = 255
    return painted.astype(np.uint8)
