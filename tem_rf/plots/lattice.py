"""Plot of the lattices of a file: orientations over the micrograph, spacings, directions and classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.lattice.measure import ParticleLattice
from tem_rf.lattice.structure import Structure
from tem_rf.lattice.summary import LatticeSummary
from tem_rf.plots.receptive_field import draw_scale_bar
from tem_rf.plots.saved_figure import save_figure
from tem_rf.plots.segmentation import grey_levels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BARS, _LINES = "#56B4E9", "#D55E00"
_KINDS = ("single", "twinned", "poly", "amorphous")
_OPACITY = 0.5
_NUMBERED = 60  # more numbers than this hide the micrograph


def write_lattice_plot(
    path: Path,
    counts: np.ndarray,
    orientation: np.ndarray,
    particles: Sequence[ParticleLattice],
    summary: LatticeSummary,
    structure: Structure,
    *,
    title: str,
    centres: Sequence[tuple[float, float]],
    pixel_size_nm: float,
) -> None:
    """Write a PNG of the orientations in the first frame, and histograms over all frames.

    Args:
        path: PNG file to write.
        counts: (h, w) first frame.
        orientation: (h, w) degrees, NaN without fringes.
        particles: Lattices of the particles of all frames.
        summary: Their summary.
        structure: The structure, for the lines of its families.
        title: Title of the plot.
        centres: x, y of the particles of the first frame, in the order of their numbers from 1 [px].
        pixel_size_nm: Pixel size of the frame [nm].
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 8), layout="constrained")
    grid = figure.add_gridspec(3, 2, width_ratios=(1.7, 1))
    image = figure.add_subplot(grid[:, 0])
    _draw_map(image, counts, orientation, centres, pixel_size_nm)
    _draw_spacings(figure.add_subplot(grid[0, 1]), particles, structure)
    _draw_directions(figure.add_subplot(grid[1, 1]), particles)
    bars = figure.add_subplot(grid[2, 1])
    bars.bar(_KINDS, [summary.kinds.get(kind, 0) for kind in _KINDS], color=_BARS)
    bars.set(ylabel="particles")
    for axes in figure.axes[1:]:
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{title}: lattice of {summary.lattice}\n{summary.describe_calibration()}", fontsize=10, parse_math=False
    )
    save_figure(path, figure, dpi=110)


def _draw_map(
    axes: "Axes",
    counts: np.ndarray,
    orientation: np.ndarray,
    centres: Sequence[tuple[float, float]],
    pixel_size_nm: float,
) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.patheffects import withStroke

    step = -(-max(counts.shape) // 2048)  # no screen shows more
    counts, orientation = counts[::step, ::step], orientation[::step, ::step]
    colours = colormaps["hsv"]
    painted = np.repeat(grey_levels(counts)[..., None], 3, axis=-1) / 255
    known = np.isfinite(orientation)
    painted[known] = (1 - _OPACITY) * painted[known] + _OPACITY * colours(orientation[known] / 180)[:, :3]
    axes.imshow(painted)
    if len(centres) <= _NUMBERED:
        for number, (x, y) in enumerate(centres, start=1):
            axes.annotate(
                str(number), (x / step, y / step), color="white", fontsize=8, ha="center", va="center"
            ).set_path_effects([withStroke(linewidth=2, foreground="black")])
    axes.set_axis_off()
    draw_scale_bar(axes, pixel_size_nm * step)
    bar = axes.figure.colorbar(
        ScalarMappable(Normalize(0, 180), colours), ax=axes, orientation="horizontal", shrink=0.7, aspect=40
    )
    bar.set_label("direction across the fringes of the reference planes, counterclockwise from x (degrees)")
    bar.set_ticks(range(0, 181, 30))


def _draw_spacings(axes: "Axes", particles: Sequence[ParticleLattice], structure: Structure) -> None:
    spacings = [own.spacing_nm for one in particles for own in one.sets if own.crystal is not None]
    if not spacings:
        axes.text(0.5, 0.5, "no fringes", transform=axes.transAxes, ha="center")
        return
    low, high = 0.95 * min(spacings), 1.05 * max(spacings)
    axes.hist(spacings, np.linspace(low, high, 61).tolist(), color=_BARS)
    top = axes.get_ylim()[1]
    for family in structure.families:
        if low <= family.spacing_nm <= high and family.strength > 0.05:
            axes.axvline(family.spacing_nm, color=_LINES, linewidth=1)
            axes.text(
                family.spacing_nm, top, family.name, rotation=90, va="top", ha="right", fontsize=7, parse_math=False
            )
    axes.set(xlabel="spacing (nm); lines: the structure", ylabel="sets of fringes")


def _draw_directions(axes: "Axes", particles: Sequence[ParticleLattice]) -> None:
    directions = [one.orientation_deg for one in particles if one.orientation_deg is not None]
    axes.hist(directions, np.linspace(0, 180, 37).tolist(), color=_BARS)
    axes.set(xlabel="orientation (degrees)", ylabel="particles", xlim=(0, 180))
    axes.set_xticks(range(0, 181, 30))
