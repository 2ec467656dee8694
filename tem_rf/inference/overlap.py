"""Which work overlaps with the network, in how many threads, and how many frames are in memory meanwhile."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np

from tem_rf.inference.frame_store import FrameRecord, FrameStore, HeldFrame

WORKERS = 2
"""Threads that measure and write while the network runs."""
MAX_AHEAD = 2
MAX_PX_AHEAD = 2**24
"""Larger frames are measured and written before the next one is read, so that they take no more memory."""


class MeasuredFrames:
    """Frames that workers measure; they are stored in order.

    Args:
        store: Where they are stored.
        workers: The workers.
        on_stored: Called with the number of frames stored.
    """

    def __init__(self, store: FrameStore | HeldFrame, workers: Executor, on_stored: Callable[[int], None]) -> None:
        self._store, self._workers, self._on_stored = store, workers, on_stored
        self._waiting: deque[Future[tuple[FrameRecord, dict[str, np.ndarray]]]] = deque()

    def submit(
        self, ahead: int, measure: Callable[..., tuple[FrameRecord, dict[str, np.ndarray]]], *arguments: Any
    ) -> None:
        """Measure a frame, and store earlier ones until at most `ahead` are not stored."""
        self._waiting.append(self._workers.submit(measure, *arguments))
        while len(self._waiting) > ahead:
            self._store_first()

    def store_all(self) -> None:
        """Store all frames."""
        while self._waiting:
            self._store_first()

    def _store_first(self) -> None:
        self._store.append(*self._waiting.popleft().result())
        self._on_stored(len(self._store.records))


def frames_ahead(frame_px: int) -> int:
    """Number of frames of a size that may be in memory beside the one in the network.

    >>> frames_ahead(1024**2), frames_ahead(4096**2), frames_ahead(8192**2)
    (2, 1, 0)
    """
    return min(MAX_AHEAD, MAX_PX_AHEAD // frame_px)
