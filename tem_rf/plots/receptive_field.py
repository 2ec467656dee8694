"""Plots of the receptive field, theoretical and effective, on a micrograph."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.architecture.layers import layers
from tem_rf.files import replacing_file
from tem_rf.plots.segmentation import grey_levels, scale_bar_nm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from tem_rf.models.effective import EffectiveField


_FIELD, _PARTICLE, _OUTSIDE = "#E69F00", "#56B4E9", "#B0B0B0"
_MIN_WINDOW_PX = 256


def write_field_picture(
    path: Path,
    architecture: Architecture,
    image: np.ndarray | None = None,
    *,
    pixel_size_nm: float | None = None,
    particle_nm: float | None = None,
) -> None:
    """Write a PNG of the blocks of an architecture and of the receptive field of its middle pixel.

    Args:
        path: PNG file to write.
        architecture: The architecture to draw.
        image: (h, w) micrograph under the field, any scale; None: no micrograph.
        pixel_size_nm: Pixel size [nm], for lengths and a scale bar.
        particle_nm: Diameter of a circle for comparison [nm]; needs `pixel_size_nm`.

    Source: Sytwu et al. 2022, figures 5 and 6.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 6), layout="constrained")
    blocks_axes, field_axes = figure.subplots(1, 2, width_ratios=(6, 5))
    _draw_blocks(blocks_axes, architecture)
    _draw_field(field_axes, architecture, image, pixel_size_nm, particle_nm)
    with replacing_file(path) as beside:
        figure.savefig(beside, format="png", dpi=110)


def _draw_blocks(axes: "Axes", architecture: Architecture) -> None:
    """The U: a box per block, one row per level, with the field by equation (1) after each block."""
    depth, fields_px = architecture.depth, _field_after_each_block(architecture)
    small: dict[str, Any] = {"size": 8, "va": "center", "color": "0.3"}
    jump_px = 1
    for level in range(depth + 1):
        levels = {f"encoder{level}": level, f"decoder{level}": 2 * depth - level}
        for block, x in levels.items() if level < depth else [("bottleneck", depth)]:
            text = f"{_block_text(architecture, level)}\nfield {fields_px[block]} px"
            box = {"boxstyle": "round,pad=0.5", "facecolor": "#EAF2F8", "edgecolor": "0.4"}
            axes.text(x, -level, text, ha="center", bbox=box, **small)
        axes.text(-0.5 - 0.15 * depth, -level, f"1 px is\n{jump_px} px", ha="center", **small)
        if level < depth:
            factor, decoder = architecture.pooling_sequence[level], 2 * depth - level
            _arrow(axes, (level, -level), (decoder, -level), dashed=True)
            _arrow(axes, (level, -level), (level + 1, -level - 1))
            _arrow(axes, (decoder - 1, -level - 1), (decoder, -level))
            axes.text(level + 0.43, -level - 0.5, f"{architecture.pooling} {factor}", ha="right", **small)
            axes.text(decoder - 0.37, -level - 0.5, f"{architecture.upsampling} {factor}", ha="left", **small)
            jump_px *= factor
    axes.set(xlim=(-0.8 - 0.15 * depth, 2 * depth + 0.6), ylim=(-depth - 0.6, 0.6))
    axes.set_title(f"{architecture.name}: {architecture.parameters:,} parameters")
    axes.set_axis_off()


def _field_after_each_block(architecture: Architecture) -> dict[str, int]:
    field_px, after_block = 1, {}
    for layer in layers(architecture):
        field_px += layer.growth_px
        if layer.kind == "convolution":
            after_block[layer.name.split("_")[0]] = field_px
    return after_block


def _block_text(architecture: Architecture, level: int) -> str:
    size, dilation = architecture.kernel_size, architecture.dilation_sequence[level]
    text = f"{architecture.filter_sequence[level]} filters\n{architecture.convolutions_per_block} conv. {size}×{size}"
    return text + (f"\ndilation {dilation}" if dilation > 1 else "")


def _arrow(axes: "Axes", start: tuple[float, float], stop: tuple[float, float], *, dashed: bool = False) -> None:
    style = {"arrowstyle": "->", "color": "0.5", "shrinkA": 30, "shrinkB": 30, "linestyle": "--" if dashed else "-"}
    axes.annotate("", xy=stop, xytext=start, arrowprops=style)


def _draw_field(
    axes: "Axes",
    architecture: Architecture,
    image: np.ndarray | None,
    pixel_size_nm: float | None,
    particle_nm: float | None,
) -> None:
    """The micrograph around its middle pixel, with the minimum and maximum exact field as squares."""
    from matplotlib.patches import Circle, Rectangle

    field = architecture.receptive_field
    max_px = field.size_px.max if field.size_px else _MIN_WINDOW_PX
    particle_px = particle_nm / pixel_size_nm if particle_nm and pixel_size_nm else 0.0
    half_px = max(_MIN_WINDOW_PX, 1.25 * max_px, 1.25 * particle_px) / 2
    axes.set_facecolor(_OUTSIDE)
    if image is not None:
        height, width = image.shape
        # The middle pixel is the origin, so that offsets are coordinates.
        extent = (-(width // 2) - 0.5, width - width // 2 - 0.5, height - height // 2 - 0.5, -(height // 2) - 0.5)
        axes.imshow(grey_levels(image), cmap="gray", extent=extent)
    title = "sees the whole image"
    if field.size_px is not None:
        title = "minimum and maximum field of its middle pixel, by its position in the pooling grid"
        for side_px, style, name in ((field.size_px.max, "-", "maximum"), (field.size_px.min, ":", "minimum")):
            corner = (-side_px / 2, -side_px / 2)
            square = Rectangle(corner, side_px, side_px, fill=False, color=_FIELD, lw=2, ls=style)
            square.set_label(f"field, {name}: {_length(side_px, pixel_size_nm)}")
            axes.add_patch(square)
    if particle_px:
        circle = Circle((0, 0), particle_px / 2, fill=False, color=_PARTICLE, lw=2)
        circle.set_label(f"particle: {_length(particle_px, pixel_size_nm)}")
        axes.add_patch(circle)
    axes.plot(0, 0, "+", color=_FIELD)
    axes.set(xlim=(-half_px, half_px), ylim=(half_px, -half_px), aspect="equal", xticks=[], yticks=[])
    if pixel_size_nm is not None:
        draw_scale_bar(axes, pixel_size_nm)
    if image is not None and min(image.shape) < 2 * half_px:
        title += "\ngrey: beyond the border, where the layers see zeros"
    axes.set_title(title, size=10)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=9, frameon=False)


def draw_scale_bar(axes: "Axes", pixel_size_nm: float) -> None:
    """Draw a scale bar at the lower right of axes in px whose limits are set."""
    from matplotlib.patheffects import withStroke

    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    bar_nm = scale_bar_nm(round(right - left), pixel_size_nm)
    x, y = right - 0.03 * (right - left), bottom + 0.04 * (top - bottom)
    edge = [withStroke(linewidth=6, foreground="black")]
    axes.plot([x - bar_nm / pixel_size_nm, x], [y, y], color="white", lw=4, path_effects=edge)
    edge = [withStroke(linewidth=3, foreground="black")]
    above = y + 0.015 * (top - bottom)
    axes.text(x, above, f"{bar_nm:g} nm", color="white", ha="right", va="bottom", path_effects=edge)


def _length(length_px: float, pixel_size_nm: float | None) -> str:
    return f"{length_px:.0f} px" + (f", {length_px * pixel_size_nm:.3g} nm" if pixel_size_nm else "")


ENERGY_FRACTIONS = (0.5, 0.95)  # of the energy; their squares are drawn and reported
_COLOURS = ("#56B4E9", "#009E73")
_EXACT = "#E69F00"
_DECADES = 6  # of energy covered by the colours


def write_effective_picture(
    path: Path, field: "EffectiveField", architecture: Architecture, *, pixel_size_nm: float | None = None
) -> None:
    """Write a PNG of the effective receptive field of a network.

    Args:
        path: PNG file to write.
        field: Result of `effective_receptive_field`.
        architecture: Architecture of the network, for its exact field.
        pixel_size_nm: Pixel size [nm], for lengths and the axes.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 7), layout="constrained")
    axes = figure.subplots()
    shown = draw_effective_field(axes, field, architecture, pixel_size_nm)
    figure.colorbar(shown, ax=axes, shrink=0.8, label="fraction of the squared gradient, per pixel")
    axes.set_title(f"{architecture.name}: effective receptive field, {field.images} images", size=11)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    with replacing_file(path) as beside:
        figure.savefig(beside, format="png", dpi=110)


def draw_effective_field(
    axes: "Axes", field: "EffectiveField", architecture: Architecture, pixel_size_nm: float | None
) -> "AxesImage":
    """Draw the energy around the output pixel, and the squares that contain its fractions, labelled for a legend."""
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle

    scale, unit = (1.0, "px") if pixel_size_nm is None else (pixel_size_nm, "nm")
    side_px, exact = len(field.energy), architecture.receptive_field.size_px
    maximum = field.energy.max()
    colours = LogNorm(maximum / 10**_DECADES, maximum, clip=True)
    edge = side_px / 2 * scale
    shown = axes.imshow(
        np.maximum(field.energy, maximum / 10**_DECADES),
        norm=colours,
        cmap="gray",
        extent=(-edge, edge, edge, -edge),
        interpolation="nearest",
    )
    squares = [(f"{fraction:.0%} of the energy", field.width_px(fraction)) for fraction in ENERGY_FRACTIONS]
    squares += [("exact, maximum", exact.max)] if exact else []
    for (name, width_px), colour in zip(squares, (*_COLOURS, _EXACT), strict=False):
        width = width_px * scale
        square = Rectangle((-width / 2, -width / 2), width, width, fill=False, color=colour, lw=2)
        square.set_label(f"{name}: {width_px} px" + (f", {width:.3g} nm" if pixel_size_nm else ""))
        axes.add_patch(square)
    half = min(edge, 0.6 * (exact.max if exact else side_px) * scale)
    axes.set(xlim=(-half, half), ylim=(half, -half), xlabel=f"offset ({unit})", ylabel=f"offset ({unit})")
    return shown
