"""Effective receptive fields of networks, as in figure S9 of the study."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.data.renormalized import in_normalization
from tem_rf.errors import ModelError
from tem_rf.evaluation.trials import Results
from tem_rf.models.effective import EffectiveField, effective_receptive_field
from tem_rf.plots.receptive_field import ENERGY_FRACTIONS, draw_effective_field
from tem_rf.runs.network import load_network
from tem_rf.study.figures.base import NothingToShowError, Row, StudyFigure, draw_grid
from tem_rf.study.figures.selection import median_run, select_examples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_PATCHES = 16  # of the test split, evenly spread


@dataclass(frozen=True, eq=False)
class Panel:
    """The effective field of one network."""

    field: EffectiveField
    architecture: Architecture
    pixel_size_nm: float | None
    title: str


def effective_fields(results: Results) -> StudyFigure:
    """A row per dataset, a panel per network: the squared gradient of one pixel's answer, and its widths.

    Raises:
        NothingToShowError: No trial is scored, the datasets are gone, or no patch is large enough.

    Source: Sytwu et al. 2022, figure S9; Luo et al. 2016.
    """
    lines: list[list[Panel]] = []
    rows: list[Row] = []
    reasons: list[str] = []
    for examples in select_examples(results):
        line = []
        indices = examples.dataset.indices("test")
        indices = indices[np.linspace(0, len(indices) - 1, min(_MAX_PATCHES, len(indices))).round().astype(int)]
        for trial in examples.trials:
            run, architecture, size = median_run(trial), trial.architecture, examples.dataset.manifest.pixel_size_nm
            try:
                dataset = in_normalization(examples.dataset, run.config.preprocessing.normalization)
                images = np.asarray(dataset.images[indices])
                field = effective_receptive_field(load_network(run.run), architecture, images)
            except ModelError as error:
                reasons.append(f"Left out of {examples.name}: {error}")
                continue
            line.append(Panel(field, architecture, size, f"{examples.name}: {architecture.name}"))
            rows.append(_row(examples.name, run.run.name, line[-1]))
        lines += [line] if line else []
    if not lines:
        raise NothingToShowError(reasons[0])
    return StudyFigure(
        "Influence of the input on one output pixel: the squared gradient, averaged over test patches; dark is low. "
        "Two squares contain 50 % and 95 % of it; the third is the maximum exact receptive field. " + " ".join(reasons),
        rows,
        lambda: draw_grid(lines, _draw_panel, panel_inches=3.8, text_inches=0.8),
    )


def _row(dataset: str, run: str, panel: Panel) -> Row:
    exact, size = panel.architecture.receptive_field.size_px, panel.pixel_size_nm
    widths = {f"width_{fraction * 100:.0f}_percent": panel.field.width_px(fraction) for fraction in ENERGY_FRACTIONS}
    return {
        "dataset": dataset,
        "network": panel.architecture.name,
        "run": run,
        "patches": panel.field.images,
        **{f"{name}_px": width for name, width in widths.items()},
        **{f"{name}_nm": size and width * size for name, width in widths.items()},
        "field_px": panel.architecture.receptive_field.equation_size_px,
        "exact_field_min_px": exact and exact.min,
        "exact_field_max_px": exact and exact.max,
    }


def _draw_panel(axes: "Axes", panel: Panel) -> None:
    draw_effective_field(axes, panel.field, panel.architecture, panel.pixel_size_nm)
    axes.set_title(panel.title, fontsize=10)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=7, frameon=False)
