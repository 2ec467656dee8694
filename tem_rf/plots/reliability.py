"""Reliability curve: how often pixels are particle, against the probability that the network gives."""

from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.metrics.calibration import BINS, Reliability
from tem_rf.plots.saved_figure import save_figure
from tem_rf.plots.style import colour, label_decades, plain_style
from tem_rf.runs.calibration import MeasuredReliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_reliability(path: Path, measured: MeasuredReliability, temperature: float | None, *, title: str) -> None:
    """Write a PNG with the reliability curves without and with the temperature, and the pixels of each bin.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    from matplotlib.figure import Figure

    with plain_style():
        figure = Figure(figsize=(5.2, 6.2), layout="constrained")
        curves, pixels = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        draw_diagonal(curves)
        shown = [(measured.before, "without temperature", 1)]
        if temperature is not None:
            shown.append((measured.after, f"temperature {temperature:.2f}", 0))
        for reliability, name, index in shown:
            draw_reliability(curves, reliability, f"{name}: ECE {reliability.error:.4f}", index)
        curves.legend(frameon=False, fontsize="small", loc="upper left")
        curves.set_title(title, fontsize="medium")
        curves.set_xlabel("")
        centres = [(number + 0.5) / BINS for number in range(BINS)]
        pixels.bar(centres, shown[-1][0].pixels, width=0.9 / BINS, color="0.6")
        pixels.set(xlabel="probability of a particle", ylabel="pixels", yscale="log")
        label_decades(pixels.yaxis)
        save_figure(path, figure, dpi=110)


def draw_diagonal(axes: "Axes") -> None:
    """Draw the curve of perfect calibration, and label the axes."""
    axes.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of a particle", ylabel="fraction of particle pixels")
    axes.grid(alpha=0.3)


def draw_reliability(axes: "Axes", reliability: Reliability, label: str, index: int, *, dashed: bool = False) -> None:
    """Draw one curve through the bins that have pixels; a dashed one is thinner."""
    points = reliability.curve
    axes.plot(
        [one[0] for one in points],
        [one[1] for one in points],
        label=label,
        color=colour(index),
        marker="o",
        ms=2 if dashed else 4,
        lw=0.8 if dashed else 1.4,
        ls="--" if dashed else "-",
    )
