"""Cut an image into tiles as large as memory allows, so that the tiled result equals the whole-image result."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.errors import ModelError
from tem_rf.models.backend import is_out_of_memory


@dataclass(frozen=True)
class Tile:
    """One axis-aligned piece of an image.

    Attributes:
        read: Rows and columns given to the network: the tile and its context.
        write: Rows and columns of the image whose result is kept.
        keep: The same rows and columns, relative to the piece that was read.
    """

    read: tuple[slice, slice]
    write: tuple[slice, slice]
    keep: tuple[slice, slice]


def plan_tiles(shape: tuple[int, int], *, tile_px: int, context_px: int, stride: int) -> Iterator[Tile]:
    """Yield the tiles that cover an image.

    Tiles start on multiples of the stride, so every pixel keeps its phase in the pooling grid. They are read with at
    least `context_px` around them, so everything that a pixel depends on is included. Context stops at the edge of the
    image, where the network pads as it does for the whole image.

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
    compute: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    result: np.ndarray,
    *,
    tile_px: int,
    context_px: int,
    stride: int,
    write: Callable[[np.ndarray, np.ndarray], object] = lambda place, piece: np.copyto(place, piece),
) -> None:
    """Compute a result image tile by tile.

    Args:
        compute: Maps (h, w) float32 to (h, w, ...), for h and w divisible by the stride.
        image: (height, width) float32, normalized, of any size; it is extended with zeros, the mean of a
            standardized image and what the convolutions pad with, to a multiple of the stride.
        result: (height, width, ...) to write to.
        tile_px: Side of a tile without its context [px].
        context_px: `reach_px` of the receptive field [px].
        stride: Product of the poolings [px].
        write: Called with a place of the result, and what was computed for it.
    """
    height, width = (_round_up(length, stride) for length in image.shape)
    for tile in plan_tiles((height, width), tile_px=tile_px, context_px=context_px, stride=stride):
        place = result[tile.write]  # ends at the edge of the image
        write(place, compute(_padded(image, tile.read))[tile.keep][: place.shape[0], : place.shape[1]])


def _padded(image: np.ndarray, place: tuple[slice, slice]) -> np.ndarray:
    """Return a piece of an image, padded with zeros beyond the bottom and right edges."""
    piece = image[place]
    missing = [(0, part.stop - part.start - length) for part, length in zip(place, piece.shape, strict=True)]
    return np.pad(piece, missing) if any(after for _, after in missing) else np.ascontiguousarray(piece)


def _axis(length: int, tile: int, context: int) -> Iterator[tuple[slice, slice, slice]]:
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        first, last = max(start - context, 0), min(stop + context, length)
        yield slice(first, last), slice(start, stop), slice(start - first, stop - first)


def _round_up(value: int, multiple: int) -> int:
    return max(-(-value // multiple), 1) * multiple


MAX_TILE_PX = 1024  # larger tiles are not faster
_MIN_TILE_PX = 64
# Activations of a network of the study, with 4 filters at full resolution: 0.6 GB for a tile of 1024 px.
_BYTES_PER_PIXEL_AND_FILTER = 150
_PART_OF_FREE_MEMORY = 0.5


def choose_tile_px(architecture: Architecture, free_bytes: int | None = None) -> int:
    """Return the side of the tiles of an image without their context [px].

    Args:
        architecture: Its number of first filters and its reach determine how much memory a tile takes.
        free_bytes: Free memory; None to query the system.

    >>> choose_tile_px(Architecture((2, 2)), free_bytes=10**12), choose_tile_px(Architecture((2, 2)), 200 * 10**6)
    (1024, 362)
    """
    if free_bytes is None:
        import psutil

        free_bytes = psutil.virtual_memory().available
    per_pixel = _BYTES_PER_PIXEL_AND_FILTER * max(architecture.filter_sequence[0], 1)
    side_px = int((_PART_OF_FREE_MEMORY * free_bytes / per_pixel) ** 0.5)
    context_px = 2 * (architecture.receptive_field.reach_px or 0)
    return min(max(side_px - context_px, _MIN_TILE_PX), MAX_TILE_PX)


def with_tiles_that_fit(compute: Callable[[int], np.ndarray], tile_px: int) -> np.ndarray:
    """Compute in tiles; if memory runs out, halve them and start again.

    Args:
        compute: Computes the result in tiles of a given side.
        tile_px: Side to start with [px].

    Raises:
        ModelError: Out of memory even with the smallest tiles.
    """
    while True:
        try:
            return compute(tile_px)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if tile_px <= _MIN_TILE_PX:
                raise ModelError(
                    f"out of memory even in tiles of {tile_px} px; close other programs, or use a network with "
                    "fewer filters or a smaller receptive field."
                ) from error
        tile_px = max(tile_px // 2, _MIN_TILE_PX)
