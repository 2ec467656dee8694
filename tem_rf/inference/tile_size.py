"""How large a tile may be for the memory at hand."""

from collections.abc import Callable

import numpy as np

from tem_rf.errors import ModelError
from tem_rf.models.out_of_memory import is_out_of_memory
from tem_rf.receptive_field.architecture import Architecture

LARGEST_TILE_PX = 1024  # beyond it tiles gain no speed
_LEAST_TILE_PX = 64
# Activations of a network of the study, with 4 filters at full resolution: 0.6 GB for a tile of 1024 px.
_BYTES_PER_PIXEL_AND_FILTER = 150
_PART_OF_FREE_MEMORY = 0.5


def choose_tile_px(architecture: Architecture, free_bytes: int | None = None) -> int:
    """Side of the tiles of an image [px], their context not counted.

    Args:
        architecture: Its first filters and its reach decide how much memory a tile takes.
        free_bytes: Memory that is free; None: as the system says.

    >>> choose_tile_px(Architecture((2, 2)), free_bytes=10**12), choose_tile_px(Architecture((2, 2)), 200 * 10**6)
    (1024, 362)
    """
    if free_bytes is None:
        import psutil

        free_bytes = psutil.virtual_memory().available
    per_pixel = _BYTES_PER_PIXEL_AND_FILTER * max(architecture.filter_sequence[0], 1)
    side_px = int((_PART_OF_FREE_MEMORY * free_bytes / per_pixel) ** 0.5)
    context_px = 2 * (architecture.receptive_field.reach_px or 0)
    return min(max(side_px - context_px, _LEAST_TILE_PX), LARGEST_TILE_PX)


def with_tiles_that_fit(compute: Callable[[int], np.ndarray], tile_px: int) -> np.ndarray:
    """Compute in tiles; where memory runs out, halve them and start again.

    Args:
        compute: Computes the result in tiles of a given side.
        tile_px: Side to start with [px].

    Raises:
        ModelError: Memory runs out with the smallest tiles, too.
    """
    while True:
        try:
            return compute(tile_px)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if tile_px <= _LEAST_TILE_PX:
                raise ModelError(
                    f"out of memory even in tiles of {tile_px} px; close other programs, or use a network with "
                    "fewer filters or a smaller receptive field."
                ) from error
        tile_px = max(tile_px // 2, _LEAST_TILE_PX)
