"""Plots of experiments: pooled size distributions with their fits, and the images one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.plots.saved_figure import save_figure
from tem_rf.plots.style import COLOURS, plain_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DASHES = ("-", "--", ":")
_MOST_NAMES = 40  # images whose names fit beside the plot


@dataclass(frozen=True, eq=False)
class Sample:
    """What is drawn of an experiment.

    Attributes:
        name: Its name in the legend.
        images: Names of its images.
        diameters: (n,) diameters of the particles of each image that count.
        weights: (n,) their weights.
        means: Weighted mean of each image; None without particles.
        densities: Fitted densities to draw over the histogram, best first, by name.
    """

    name: str
    images: Sequence[str]
    diameters: Sequence[np.ndarray]
    weights: Sequence[np.ndarray]
    means: Sequence[float | None]
    densities: Sequence[tuple[str, Callable[[np.ndarray], np.ndarray]]] = ()


def write_distributions(path: Path, samples: Sequence[Sample], unit: str) -> None:
    """Write a PNG of the pooled distributions: histograms of one area each, with the fitted densities.

    Args:
        path: PNG file to write.
        samples: The experiments.
        unit: Unit of the diameters.
    """
    from matplotlib.figure import Figure

    with plain_style():
        figure = Figure(figsize=(7.5, 4.5), layout="constrained")
        axes = figure.subplots()
        pooled = [np.concatenate(sample.diameters) for sample in samples]
        everything = np.concatenate(pooled)
        edges = np.histogram_bin_edges(everything, _bins(everything))
        x = np.linspace(max(edges[0] * 0.7, edges[-1] / 1000), edges[-1] * 1.1, 400)
        for index, (sample, diameters) in enumerate(zip(samples, pooled, strict=True)):
            colour = COLOURS[index]
            label = f"{sample.name} (n = {len(diameters)})"
            weights = np.concatenate(sample.weights)
            axes.hist(
                diameters, edges.tolist(), weights=weights, density=True, alpha=0.35, color=colour, label=label,
                edgecolor="white",
            )  # fmt: skip
            for dashes, (name, density) in zip(_DASHES, sample.densities, strict=False):
                axes.plot(x, density(x), dashes, color=colour if len(samples) > 1 else COLOURS[1], label=name)
        _finish(axes, unit, f"probability density (1/{unit})")
        axes.legend(frameon=False)
        save_figure(path, figure, dpi=120)


def write_images(path: Path, samples: Sequence[Sample], unit: str) -> None:
    """Write a PNG with a row per image: its particles, and their mean.

    Args:
        path: PNG file to write.
        samples: The experiments.
        unit: Unit of the diameters.
    """
    from matplotlib.figure import Figure

    rows = [(index, place) for index, sample in enumerate(samples) for place in range(len(sample.images))]
    with plain_style():
        figure = Figure(figsize=(7.5, 1.2 + 0.24 * min(len(rows), 4 * _MOST_NAMES)), layout="constrained")
        axes = figure.subplots()
        for row, (index, place) in enumerate(rows):
            sample, colour = samples[index], COLOURS[index]
            diameters = sample.diameters[place]
            axes.plot(diameters, np.full(len(diameters), row), "|", color=colour, alpha=0.6)
            mean = sample.means[place]
            if mean is not None:
                axes.plot([mean], [row], "o", color="black", markersize=4)
        if len(rows) <= _MOST_NAMES:
            names = [
                f"{samples[index].images[place]} (n = {len(samples[index].diameters[place])})" for index, place in rows
            ]
            axes.set_yticks(range(len(rows)), names, fontsize=7)
        else:
            axes.set_yticks([])
        axes.invert_yaxis()
        _finish(axes, unit, "")
        save_figure(path, figure, dpi=120)


def _finish(axes: "Axes", unit: str, label: str) -> None:
    axes.set(xlabel=f"equivalent circle diameter ({unit})", ylabel=label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(left=0)


def _bins(diameters: np.ndarray) -> int:
    """Number of bins by the rule of Freedman and Diaconis, from 5 to 60."""
    spread = np.subtract(*np.percentile(diameters, (75, 25)))
    width = 2 * spread / np.cbrt(diameters.size)
    return int(np.clip(np.ptp(diameters) / width, 5, 60)) if width else 5
