"""The picture of an effective receptive field beside the exact one."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.files import replacing_file
from tem_rf.receptive_field import Architecture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from tem_rf.models.effective import EffectiveField

PARTS = (0.5, 0.95)  # of the energy, whose squares are drawn and reported
_COLOURS = ("#56B4E9", "#009E73")
_EXACT = "#E69F00"
_DECADES = 6  # of energy that the colours span


def write_effective_picture(
    path: Path, field: "EffectiveField", architecture: Architecture, *, pixel_size_nm: float | None = None
) -> None:
    """Write a PNG of where the answer of a network comes from.

    Args:
        path: PNG to write.
        field: What `effective_receptive_field` measured.
        architecture: Architecture of the network, for its exact field.
        pixel_size_nm: Side of a pixel [nm], for lengths and the axes.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 7), layout="constrained")
    axes = figure.subplots()
    shown = draw_effective_field(axes, field, architecture, pixel_size_nm)
    figure.colorbar(shown, ax=axes, shrink=0.8, label="part of the squared gradient, per pixel")
    axes.set_title(f"{architecture.name}: effective receptive field, {field.images} images", size=11)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    with replacing_file(path) as beside:
        figure.savefig(beside, format="png", dpi=110)


def draw_effective_field(
    axes: "Axes", field: "EffectiveField", architecture: Architecture, pixel_size_nm: float | None
) -> "AxesImage":
    """Draw the energy around the pixel that answers, and the squares that hold its parts, labelled for a legend."""
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle

    scale, unit = (1.0, "px") if pixel_size_nm is None else (pixel_size_nm, "nm")
    side_px, exact = len(field.energy), architecture.receptive_field.size_px
    greatest = field.energy.max()
    colours = LogNorm(greatest / 10**_DECADES, greatest, clip=True)
    edge = side_px / 2 * scale
    shown = axes.imshow(
        np.maximum(field.energy, greatest / 10**_DECADES),
        norm=colours,
        cmap="gray",
        extent=(-edge, edge, edge, -edge),
        interpolation="nearest",
    )
    squares = [(f"{part:.0%} of the energy", field.width_px(part)) for part in PARTS]
    squares += [("exact, greatest", exact.max)] if exact else []
    for (name, width_px), colour in zip(squares, (*_COLOURS, _EXACT), strict=False):
        width = width_px * scale
        square = Rectangle((-width / 2, -width / 2), width, width, fill=False, color=colour, lw=2)
        square.set_label(f"{name}: {width_px} px" + (f", {width:.3g} nm" if pixel_size_nm else ""))
        axes.add_patch(square)
    half = min(edge, 0.6 * (exact.max if exact else side_px) * scale)
    axes.set(xlim=(-half, half), ylim=(half, -half), xlabel=f"offset ({unit})", ylabel=f"offset ({unit})")
    return shown
