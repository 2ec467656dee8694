"""Plot of how the particles of a movie move and grow."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.particles.drift import Drift
from tem_rf.particles.motion import Diffusion, Growth, Scale
from tem_rf.plots.saved_figure import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS, _LINE = "#0072B2", "#D55E00"


def write_motion(
    path: Path,
    diffusion: Diffusion | None,
    growth: Growth | None,
    rates: Sequence[float],
    drift: Drift | None,
    scale: Scale,
    *,
    title: str,
) -> None:
    """Write a PNG of the mean squared displacement, the growth rates and, if it was measured, the drift.

    Args:
        path: PNG file to write.
        diffusion: Diffusion; None with too few tracks.
        growth: Growth; None with too few tracks.
        rates: Change of the diameter of each undisturbed track [px per frame].
        drift: Drift, or None.
        scale: Pixel size and frame interval.
        title: Title of the plot.
    """
    from matplotlib.figure import Figure

    count = 2 if drift is None else 3
    figure = Figure(figsize=(4.5 * count, 4), layout="constrained")
    panels = figure.subplots(1, count)
    _draw_displacements(panels[0], diffusion, scale)
    _draw_rates(panels[1], growth, rates, scale)
    if drift is not None:
        factor, unit = scale.length(1.0)
        panels[2].plot(drift.shifts_px[:, 1] * factor, drift.shifts_px[:, 0] * factor, color=_POINTS, linewidth=1)
        panels[2].plot(0, 0, "o", color=_LINE, label="first frame")
        panels[2].set(xlabel=f"drift along x ({unit})", ylabel=f"drift along y ({unit})", aspect="equal")
        panels[2].invert_yaxis()
        panels[2].legend(frameon=False)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10, parse_math=False)
    save_figure(path, figure, dpi=120)


def _draw_displacements(axes: "Axes", found: Diffusion | None, scale: Scale) -> None:
    if found is None:
        axes.text(0.5, 0.5, "too few tracks of 5 frames", transform=axes.transAxes, ha="center")
        return
    factor, unit = scale.length(1.0)
    time, name = (1.0, "frames") if scale.frame_interval_s is None else (scale.frame_interval_s, "s")
    lags, msd = np.array(found.lags), np.array(found.msd_px2)
    few = slice(min(4, len(lags)))
    offset = float(np.mean(msd[few] - 4 * found.coefficient * lags[few]))
    axes.plot(lags * time, msd * factor**2, "o", color=_POINTS, markersize=4)
    line = (4 * found.coefficient * lags + offset) * factor**2
    coefficient, coefficient_unit = scale.per_time(found.coefficient, 2)
    low, high = (scale.per_time(one, 2)[0] for one in found.interval)
    label = f"D = {coefficient:.3g} {coefficient_unit} ({low:.3g} to {high:.3g}), {found.tracks} tracks"
    axes.plot(lags * time, line, color=_LINE, linewidth=1.5, label=label)
    axes.set(xlabel=f"lag ({name})", ylabel=f"mean squared displacement ({unit}²)", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)


def _draw_rates(axes: "Axes", found: Growth | None, rates: Sequence[float], scale: Scale) -> None:
    if not rates:
        axes.text(0.5, 0.5, "no undisturbed track of 5 frames", transform=axes.transAxes, ha="center")
        return
    values = [scale.per_time(rate, 1)[0] for rate in rates]
    unit = scale.per_time(1.0, 1)[1]
    axes.hist(values, 20, color=_POINTS)
    if found is not None:
        mean, (low, high) = scale.per_time(found.rate, 1)[0], (scale.per_time(one, 1)[0] for one in found.interval)
        label = f"mean {mean:.3g} ({low:.3g} to {high:.3g}) {unit}, {found.tracks} tracks"
        axes.axvline(mean, color=_LINE, label=label)
        axes.legend(frameon=False, fontsize=8)
    axes.set(xlabel=f"change of the diameter ({unit})", ylabel="tracks")
