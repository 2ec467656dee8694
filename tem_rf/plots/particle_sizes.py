"""The size histogram of particles, with a fitted log-normal distribution."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.particles.measure import Particle
from tem_rf.particles.sizes import SizeSummary, summarize_sizes, whole_diameters_px
from tem_rf.plots.saved_figure import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BARS = "#56B4E9"
_CURVE = "#D55E00"


def write_size_histogram(
    path: Path, particles: Sequence[Particle], *, title: str, pixel_size_nm: float | None = None
) -> None:
    """Write a PNG of the diameters of particles that do not touch the border.

    Args:
        path: PNG file to write.
        particles: Particles of a micrograph, or of all frames of a stack.
        title: Title of the plot.
        pixel_size_nm: Pixel size [nm]; without it the axis is in px.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    unit, scale = ("px", 1.0) if pixel_size_nm is None else ("nm", pixel_size_nm)
    diameters = whole_diameters_px(particles) * scale
    summary = summarize_sizes(particles)
    if diameters.size:
        edges = np.histogram_bin_edges(diameters, _bins(diameters))
        axes.hist(diameters, edges.tolist(), color=_BARS, edgecolor="white")
        axes.set_xlim(left=0)
        if summary.median_px and summary.geometric_sd and summary.geometric_sd > 1:
            area = diameters.size * (edges[1] - edges[0])
            _draw_log_normal(axes, summary.median_px * scale, summary.geometric_sd, area, unit)
    else:
        axes.text(0.5, 0.5, "no whole particles", transform=axes.transAxes, ha="center")
    axes.set_title(f"{title}\n{_caption(summary, unit, scale)}", fontsize=10, parse_math=False)
    axes.set(xlabel=f"equivalent circle diameter ({unit})", ylabel="particles")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(path, figure, dpi=120)


def _bins(diameters: np.ndarray) -> int:
    """Number of bins by the rule of Freedman and Diaconis, from 5 to 40."""
    spread = np.subtract(*np.percentile(diameters, (75, 25)))
    width = 2 * spread / np.cbrt(diameters.size)
    return int(np.clip(np.ptp(diameters) / width, 5, 40)) if width else 5


def _draw_log_normal(axes: "Axes", median: float, geometric_sd: float, area: float, unit: str) -> None:
    """Draw the distribution with the same area as the bars."""
    centre, width = np.log(median), np.log(geometric_sd)
    last = axes.get_xlim()[1]
    x = np.linspace(last / 400, last, 400)
    density = np.exp(-((np.log(x) - centre) ** 2) / (2 * width**2)) / (x * width * np.sqrt(2 * np.pi))
    label = f"log-normal: median {median:.3g} {unit}, factor {geometric_sd:.3g}"
    axes.plot(x, area * density, color=_CURVE, linewidth=2, label=label)
    axes.set_ylim(top=1.15 * axes.get_ylim()[1])  # room for the legend
    axes.legend(frameon=False)


def _caption(summary: SizeSummary, unit: str, scale: float) -> str:
    text = f"{summary.count} particles, {summary.whole} of them not cut by the edge"
    if summary.mean_px is not None and summary.sd_px is not None:
        text += f": {summary.mean_px * scale:.3g} ± {summary.sd_px * scale:.2g} {unit} (n = {summary.whole})"
        text += f", polydispersity {summary.polydispersity:.1%}"
    return text
