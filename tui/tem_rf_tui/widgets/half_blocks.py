"""Lines of half blocks: two colours per character, one above the other."""

from functools import lru_cache

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

_COLOUR = np.array([1 << 16, 1 << 8, 1], np.int64)
_BITS = 24


def half_block_line(upper: np.ndarray, lower: np.ndarray) -> Strip:
    """Return a line of half blocks; neighbours with the same colours form one segment.

    Args:
        upper: (width, 3) uint8.
        lower: (width, 3) uint8.
    """
    pairs = (upper @ _COLOUR << _BITS) | (lower @ _COLOUR)  # one number per character
    starts = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1]))
    lengths = np.diff(np.append(starts, len(pairs))).tolist()  # plain numbers: NumPy's are four times slower here
    return Strip(
        [Segment("▀" * length, _style(pair)) for pair, length in zip(pairs[starts].tolist(), lengths, strict=True)],
        len(pairs),
    )


@lru_cache(maxsize=8192)
def _style(pair: int) -> Style:
    return Style(color=_colour(pair >> _BITS), bgcolor=_colour(pair & ((1 << _BITS) - 1)))


@lru_cache(maxsize=8192)
def _colour(packed: int) -> Color:
    return Color.from_rgb(packed >> 16, packed >> 8 & 255, packed & 255)
