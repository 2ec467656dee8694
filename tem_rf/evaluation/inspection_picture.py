"""The picture of a dataset: example patches, balance, contrast as in the study's figure 3, particle sizes."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.data.preparation.intensity import CLASSES
from tem_rf.data.prepared import PreparedDataset
from tem_rf.evaluation.inspection import Inspection
from tem_rf.evaluation.pictures import overlay
from tem_rf.evaluation.saved_figure import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {
    "background": "#0072B2",
    "particle": "#D55E00",
    "train": "#0072B2",
    "validation": "#E69F00",
    "test": "#009E73",
}
_EXAMPLES = 3
_BINS_TOGETHER = 4  # single bins are finer than the grey levels of 8-bit images


def write_inspection_picture(path: Path, dataset: PreparedDataset, inspection: Inspection) -> None:
    """Write the PNG.

    Args:
        path: PNG to write.
        dataset: The dataset.
        inspection: What `inspect_dataset` found in it.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), layout="constrained")
    grid = figure.add_gridspec(2, _EXAMPLES)
    _draw_examples([figure.add_subplot(grid[0, column]) for column in range(_EXAMPLES)], dataset)
    _draw_contrast(figure.add_subplot(grid[1, 0]), dataset, inspection)
    _draw_balance(figure.add_subplot(grid[1, 1]), inspection)
    _draw_diameters(figure.add_subplot(grid[1, 2]), inspection)
    figure.suptitle(f"{dataset.manifest.name}: {len(dataset.patches)} patches of {dataset.manifest.patch_size} px")
    save_figure(path, figure, dpi=110)


def _draw_examples(axes: "list[Axes]", dataset: PreparedDataset) -> None:
    """Patches with little, usual and much particle, with the outlines of the labels."""
    order = np.argsort([patch.particle_fraction for patch in dataset.patches], kind="stable")
    for place, quantile in zip(axes, np.linspace(0.1, 0.9, len(axes)), strict=True):
        index = int(order[round(quantile * (len(order) - 1))])
        place.imshow(overlay(np.asarray(dataset.images[index]), np.asarray(dataset.labels[index]) > 0))
        patch = dataset.patches[index]
        title = f"{patch.source} ({patch.row}, {patch.column}), {patch.split}"
        place.set_title(title, fontsize=9, parse_math=False)
        place.set_axis_off()


def _draw_contrast(axes: "Axes", dataset: PreparedDataset, inspection: Inspection) -> None:
    intensity = dataset.manifest.intensity
    for name in CLASSES:
        statistics = intensity.particle if name == "particle" else intensity.background
        counts = np.array(statistics.histogram, float).reshape(-1, _BINS_TOGETHER).sum(axis=1)
        edges = np.linspace(intensity.low, intensity.high, len(counts) + 1)
        density = counts / max(1.0, counts.sum()) / (edges[1] - edges[0])
        axes.stairs(density, edges, fill=True, alpha=0.45, color=_COLOURS[name], label=name)
        label = f"median {statistics.median:.2f}"
        axes.axvline(statistics.median, color=_COLOURS[name], linestyle="--", linewidth=1.2, label=label)
    axes.set(xlabel="normalized intensity", ylabel="density", title=f"contrast: d = {inspection.effect_size:.2f}")
    axes.legend(fontsize=8)


def _draw_balance(axes: "Axes", inspection: Inspection) -> None:
    """A point per patch, so that few patches look like few."""
    spread = np.random.default_rng(0)
    for row, balance in enumerate(inspection.balance):
        fractions = balance.particle_fractions
        heights = row + spread.uniform(-0.25, 0.25, len(fractions))
        axes.plot(fractions, heights, ".", markersize=5, alpha=0.6, color=_COLOURS[balance.split])
        axes.plot([fractions.mean()] * 2, [row - 0.35, row + 0.35], color="black")
    names = [f"{balance.split} ({len(balance.particle_fractions)})" for balance in inspection.balance]
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="particle fraction of a patch", title="balance; bar: mean", xlim=(0, None))


def _draw_diameters(axes: "Axes", inspection: Inspection) -> None:
    size, unit = (inspection.pixel_size_nm, "nm") if inspection.pixel_size_nm else (1.0, "px")
    diameters = inspection.diameters_px * size
    if diameters.size:
        axes.hist(diameters, bins=min(40, max(8, diameters.size // 5)), color="0.5")
        axes.axvline(float(np.median(diameters)), color="black", linestyle="--", linewidth=1.2)
        title = f"{diameters.size} whole particles, median {np.median(diameters):.3g} {unit}"
    else:
        title = "no particle lies whole within the patches"
    axes.set(xlabel=f"particle diameter [{unit}]", ylabel="particles", title=title)
