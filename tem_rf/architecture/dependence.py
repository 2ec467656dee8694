"""The exact input pixels that an output pixel depends on, along one axis.

All layers act independently and identically along both axes, so one axis is sufficient. Pixels are stored as sorted,
separate intervals (first, last), because dilation can leave gaps between the pixels that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

from tem_rf.architecture.layers import Layer, layers
from tem_rf.architecture.shape import NetworkShape

Pixels: TypeAlias = tuple[tuple[int, int], ...]


def dependence(architecture: NetworkShape) -> tuple[Pixels, ...]:
    """Trace every phase of the output back to the input.

    Skip connections add nothing: pooling and upsampling lead from a pixel to its whole pooling window, which
    contains the pixel itself.

    Returns:
        For each phase 0 .. stride - 1 of an output pixel in the pooling grid, the input pixels it depends on, as
        offsets from it [px].

    >>> from tem_rf import Architecture
    >>> dependence(Architecture((2,)))
    (((-8, 9),), ((-9, 8),))
    """
    traced: list[Pixels] = [((0, 0),)]  # the phases of the grid of the current level
    for layer in reversed(layers(architecture)):
        if layer.kind == "upsampling":  # the next coarser grid has more phases by this factor
            traced = [_moved(pixels, by) for by in range(layer.size) for pixels in traced]
        step = _step_back(layer, architecture.upsampling)
        sources = {pixels: step(pixels) for pixels in set(traced)}  # many phases share their pixels
        traced = [sources[pixels] for pixels in traced]
    return tuple(_moved(pixels, -phase) for phase, pixels in enumerate(traced))


def joined(intervals: Iterable[tuple[int, int]]) -> Pixels:
    """Sort intervals and merge those that overlap or touch.

    >>> joined([(4, 5), (0, 1), (2, 2)])
    ((0, 2), (4, 5))
    """
    apart: list[tuple[int, int]] = []
    for first, last in sorted(intervals):
        if apart and first <= apart[-1][1] + 1:
            apart[-1] = apart[-1][0], max(last, apart[-1][1])
        else:
            apart.append((first, last))
    return tuple(apart)


def _step_back(layer: Layer, upsampling: str) -> Callable[[Pixels], Pixels]:
    """The function from pixels of a layer's output to the pixels of its input that they depend on."""
    if layer.kind == "pooling":
        return partial(_in_windows, size=layer.size)
    if layer.kind == "upsampling":
        return partial(_under_nearest if upsampling == "nearest" else _under_bilinear, factor=layer.size)
    return partial(_under_kernel, size=layer.size, dilation=layer.dilation)


def _under_kernel(pixels: Pixels, *, size: int, dilation: int) -> Pixels:
    spread = dilation * (size // 2)
    if all(last - first + 1 >= dilation for first, last in pixels):  # taps leave no gap between them
        return joined((first - spread, last + spread) for first, last in pixels)
    return joined((first + tap, last + tap) for first, last in pixels for tap in range(-spread, spread + 1, dilation))


def _under_nearest(pixels: Pixels, *, factor: int) -> Pixels:
    return joined((first // factor, last // factor) for first, last in pixels)


def _under_bilinear(pixels: Pixels, *, factor: int) -> Pixels:
    """Fine pixel i is at position (i + 1/2) / factor - 1/2 of the coarse grid and mixes its two neighbours.

    If it is exactly on a coarse pixel, as the middle pixel for an odd factor, the other one has no weight.
    """
    before_after = (
        ((2 * first + 1 - factor) // (2 * factor), -((factor - 2 * last - 1) // (2 * factor))) for first, last in pixels
    )
    return joined(before_after)


def _in_windows(pixels: Pixels, *, size: int) -> Pixels:
    return tuple((first * size, last * size + size - 1) for first, last in pixels)


def _moved(pixels: Pixels, by: int) -> Pixels:
    return tuple((first + by, last + by) for first, last in pixels)
