"""Lines of half blocks: two colours per character, one above the other."""

from functools import lru_cache

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


def half_block_line(upper: np.ndarray, lower: np.ndarray) -> Strip:
    """Return a line of half blocks; neighbours with the same colours form one segment."""
    pairs = np.concatenate([upper, lower], axis=-1)  # (w, 3) and (w, 3) -> (w, 6)
    starts = np.flatnonzero(np.append(True, (np.diff(pairs.astype(int), axis=0) != 0).any(axis=-1)))
    lengths = np.diff(np.append(starts, len(pairs)))
    return Strip(
        [
            Segment("▀" * int(length), _style(*map(int, pairs[start])))
            for start, length in zip(starts, lengths, strict=True)
        ]
    )


@lru_cache(maxsize=8192)
def _style(*channels: int) -> Style:
    upper, lower = channels[:3], channels[3:]
    return Style.parse(f"#{bytes(upper).hex()} on #{bytes(lower).hex()}")
