"""Cut an image into tiles so that a tiled result equals the whole-image result."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tile:
    """One axis-aligned piece of an image.

    Attributes:
        read: Rows and columns that the network gets: the tile and its context.
        write: Rows and columns of the image whose result is kept.
        keep: The same rows and columns, counted within the piece that was read.
    """

    read: tuple[slice, slice]
    write: tuple[slice, slice]
    keep: tuple[slice, slice]


def plan_tiles(shape: tuple[int, int], *, tile_px: int, context_px: int, stride: int) -> Iterator[Tile]:
    """Tiles that cover an image.

    A tile starts on a multiple of the stride, so that every pixel keeps its phase in the pooling grid, and is read
    with at least `context_px` around it, so that nothing a pixel depends on is missing. Context stops at the edge of
    the image, where the network pads as it does for the whole image.

    Args:
        shape: Height and width of the image, multiples of the stride [px].
        tile_px: Side of the part that is kept, rounded up to a multiple of the stride [px].
        context_px: Farthest pixel an output depends on, `reach_px` of the receptive field [px].
        stride: Product of the poolings [px].
    """
    tile, context = _round_up(tile_px, stride), _round_up(context_px, stride)
    rows, columns = (list(_axis(length, tile, context)) for length in shape)
    for read_rows, write_rows, keep_rows in rows:
        for read_columns, write_columns, keep_columns in columns:
            yield Tile((read_rows, read_columns), (write_rows, write_columns), (keep_rows, keep_columns))


def apply_in_tiles(
    logits: Callable[[np.ndarray], np.ndarray], image: np.ndarray, *, tile_px: int, context_px: int, stride: int
) -> np.ndarray:
    """Compute the logits of an image tile by tile.

    Args:
        logits: Maps (n, h, w, 1) float32 to (n, h, w, classes) for h and w divisible by the stride.
        image: (height, width) float32, normalized, of any size; it is extended with zeros, the mean of a
            standardized image and what the convolutions pad with, to a multiple of the stride.
        tile_px: Side of a tile without its context [px].
        context_px: `reach_px` of the receptive field [px].
        stride: Product of the poolings [px].

    Returns:
        (height, width, classes) float32.
    """
    height, width = image.shape
    rows, columns = -height % stride, -width % stride
    padded = np.pad(image, [(0, rows), (0, columns)]) if rows or columns else image
    result: np.ndarray | None = None
    for tile in plan_tiles(padded.shape, tile_px=tile_px, context_px=context_px, stride=stride):
        values = np.asarray(logits(padded[np.newaxis, *tile.read, np.newaxis]))[0][tile.keep]
        if result is None:
            result = np.empty((*padded.shape, values.shape[-1]), np.float32)
        result[tile.write] = values
    assert result is not None, "an image has at least one tile"
    return result[:height, :width]


def _axis(length: int, tile: int, context: int) -> Iterator[tuple[slice, slice, slice]]:
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        first, last = max(start - context, 0), min(stop + context, length)
        yield slice(first, last), slice(start, stop), slice(start - first, stop - first)


def _round_up(value: int, multiple: int) -> int:
    return max(-(-value // multiple), 1) * multiple
