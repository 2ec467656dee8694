"""Which input pixels an output pixel depends on, exactly, along one axis.

All layers act alike and independently along both axes, so one axis says everything. Pixels of one axis are held
as intervals (first, last), sorted and apart, because dilation can leave holes between pixels that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tem_rf.receptive_field.architecture import Architecture

Pixels: TypeAlias = tuple[tuple[int, int], ...]
Step: TypeAlias = Callable[[Pixels], Pixels]


def dependence(architecture: Architecture) -> tuple[Pixels, ...]:
    """Trace every phase of the output back to the input.

    Skip connections add nothing: pooling and upsampling again leads from a pixel to all of its pooling window,
    which holds the pixel itself.

    Returns:
        For each phase 0 .. stride - 1 of an output pixel in the pooling grid, the input pixels it depends on, as
        offsets from it [px].

    >>> from tem_rf import Architecture
    >>> dependence(Architecture((2,)))
    (((-8, 9),), ((-9, 8),))
    """
    traced: list[Pixels] = [((phase, phase),) for phase in range(architecture.stride)]
    for step in _steps_from_output_to_input(architecture):
        sources = {pixels: step(pixels) for pixels in set(traced)}  # deep down, many phases share their pixels
        traced = [sources[pixels] for pixels in traced]
    return tuple(tuple((first - phase, last - phase) for first, last in pixels) for phase, pixels in enumerate(traced))


def joined(intervals: Iterable[tuple[int, int]]) -> Pixels:
    """Sort intervals and join those that overlap or touch.

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


def _steps_from_output_to_input(architecture: Architecture) -> Iterator[Step]:
    under_upsampling = _under_nearest if architecture.upsampling == "nearest" else _under_bilinear

    def block(level: int) -> Iterator[Step]:
        for _ in range(architecture.convolutions_per_block):
            yield partial(_under_kernel, size=architecture.kernel_size, dilation=architecture.dilation_sequence[level])
            yield partial(_under_kernel, size=architecture.smoothing_kernel_size(level), dilation=1)

    for level, factor in enumerate(architecture.pooling_sequence):
        yield from block(level)
        yield partial(under_upsampling, factor=factor)
    yield from block(architecture.depth)
    for level in reversed(range(architecture.depth)):
        yield partial(_in_windows, size=architecture.pooling_sequence[level])
        yield from block(level)


def _under_kernel(pixels: Pixels, *, size: int, dilation: int) -> Pixels:
    spread = dilation * (size // 2)

    def shifted() -> Iterator[tuple[int, int]]:
        for first, last in pixels:
            if last - first + 1 >= dilation:  # taps leave no hole between them
                yield first - spread, last + spread
            else:
                yield from ((first + tap, last + tap) for tap in range(-spread, spread + 1, dilation))

    return joined(shifted())


def _under_nearest(pixels: Pixels, *, factor: int) -> Pixels:
    return joined((first // factor, last // factor) for first, last in pixels)


def _under_bilinear(pixels: Pixels, *, factor: int) -> Pixels:
    """Fine pixel i lies at (i + 1/2) / factor - 1/2 among the coarse ones and mixes the two beside it.

    Where it lies exactly on one, as the middle pixel under an odd factor, the other has no weight.
    """
    before_after = (
        ((2 * first + 1 - factor) // (2 * factor), -((factor - 2 * last - 1) // (2 * factor))) for first, last in pixels
    )
    return joined(before_after)


def _in_windows(pixels: Pixels, *, size: int) -> Pixels:
    return tuple((first * size, last * size + size - 1) for first, last in pixels)
