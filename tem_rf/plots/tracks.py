"""Plots of the particles of a movie: their paths, and their number and size over time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tem_rf.particles.measure import Particle
from tem_rf.particles.tracking import Track
from tem_rf.plots.receptive_field import draw_scale_bar
from tem_rf.plots.saved_figure import save_figure
from tem_rf.plots.segmentation import grey_levels

_COLOURS = {"last frame": "#56B4E9", "border": "#CC79A7", "merged": "#E69F00", "vanished": "#D55E00"}
_LABELS = {
    "last frame": "until the last frame",
    "border": "left at the border",
    "merged": "merged into another",
    "vanished": "vanished",
}
_NUMBERED = 60  # more numbers than this hide the micrograph


def write_paths(
    path: Path, counts: np.ndarray, tracks: Sequence[Track], *, title: str, pixel_size_nm: float | None
) -> None:
    """Write a PNG of the tracks over the first frame, coloured by how they end.

    Args:
        path: PNG file to write.
        counts: (h, w) first frame.
        tracks: The tracks.
        title: Title of the plot.
        pixel_size_nm: Pixel size [nm], for a scale bar.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import withStroke

    height, width = counts.shape
    figure = Figure(figsize=(8, 8 * height / width + 1), layout="constrained")
    axes = figure.subplots()
    axes.imshow(grey_levels(counts), cmap="gray", vmin=0, vmax=255)
    for track in tracks:
        x, y = ([getattr(one, name) for one in track.particles] for name in ("x_px", "y_px"))
        colour = _COLOURS[track.end]
        axes.plot(x, y, color=colour, linewidth=1.5)
        axes.plot(x[-1], y[-1], "o", color=colour, markersize=4, markeredgecolor="white", markeredgewidth=0.5)
        if len(tracks) <= _NUMBERED:
            axes.annotate(
                str(track.number), (x[0], y[0]), (3, 3), textcoords="offset points", color="white", fontsize=8
            ).set_path_effects([withStroke(linewidth=2, foreground="black")])
    ends = [end for end in _COLOURS if any(track.end == end for track in tracks)]
    lines = [Line2D([], [], color=_COLOURS[end], marker="o", markersize=4, label=_LABELS[end]) for end in ends]
    if lines:
        figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), frameon=False)
    if pixel_size_nm is not None:
        draw_scale_bar(axes, pixel_size_nm)
    axes.set_title(f"{title}: {len(tracks)} tracks", fontsize=10, parse_math=False)
    axes.set_axis_off()
    save_figure(path, figure, dpi=120)


def write_development(
    path: Path,
    frames: Sequence[Sequence[Particle]],
    tracks: Sequence[Track],
    *,
    title: str,
    pixel_size_nm: float | None,
    frame_interval_s: float | None,
) -> None:
    """Write a PNG of the area of each tracked particle and the number of particles, against frame or time.

    Args:
        path: PNG file to write.
        frames: The particles of each frame.
        tracks: The tracks.
        title: Title of the plot.
        pixel_size_nm: Pixel size [nm]; without it areas are in px.
        frame_interval_s: Time between frames [s]; without it the axis counts frames.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    unit, scale = ("px", 1.0) if pixel_size_nm is None else ("nm²", pixel_size_nm**2)

    def when(numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        return np.asarray(numbers) if frame_interval_s is None else (np.asarray(numbers) - 1) * frame_interval_s

    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    for track in tracks:
        areas = [one.area_px * scale for one in track.particles]
        above.plot(when(track.frames), areas, color="#0072B2", alpha=0.35, linewidth=1)
    numbers = np.arange(1, len(frames) + 1)
    means = [np.mean([one.area_px for one in particles]) * scale if particles else np.nan for particles in frames]
    above.plot(when(numbers), means, color="#D55E00", linewidth=2, label="mean of the frame")
    above.plot([], [], color="#0072B2", alpha=0.35, label="single particles")
    above.legend(frameon=False)
    above.set_title(title, parse_math=False)
    above.set(ylabel=f"area ({unit})", ylim=(0, None))
    below.step(when(numbers), [len(particles) for particles in frames], where="mid", color="#0072B2")
    below.set(ylabel="particles", xlabel="frame" if frame_interval_s is None else "time (s)", ylim=(0, None))
    below.yaxis.set_major_locator(MaxNLocator(integer=True))
    if frame_interval_s is None:
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(path, figure, dpi=120)
