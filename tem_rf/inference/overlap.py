"""Which work overlaps with the network, in how many threads, and how many frames are in memory meanwhile."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from tem_rf.inference.frame_store import FrameRecord, FrameStore, HeldFrame
from tem_rf.inference.model import Segmenter

WORKERS = 3
"""Threads: one in the network, one that normalizes the next frame, and one that measures and writes."""
MAX_AHEAD = 2
MAX_PX_AHEAD = 2**24
"""Larger frames are measured and written before the next one is read, so that they take no more memory."""

MeasuredFrame = tuple[FrameRecord, dict[str, np.ndarray]]


class StoppedError(Exception):
    """The job was interrupted before a frame had its turn."""


class NetworkTurn:
    """Lets one thread into the network at a time, so that the next tile is ready when the network is free.

    Frames begin in the order of their tickets. Of several that wait, the earliest is let in.
    """

    def __init__(self) -> None:
        self._condition, self._tickets = threading.Condition(), count()
        self._due: set[int] = set()  # frames that wait, or have not begun yet
        self._is_busy = self._is_stopped = False

    def ticket(self) -> int:
        """Return the ticket of a frame; it must be used with `of`."""
        with self._condition:
            ticket = next(self._tickets)
            self._due.add(ticket)
            return ticket

    @contextmanager
    def of(self, ticket: int, segmenters: Sequence[Segmenter]) -> Iterator[list[Segmenter]]:
        """Yield networks for the frame of a ticket, which take turns with those of other frames.

        Raises:
            StoppedError: `stop` was called.
        """
        try:
            yield [replace(one, logits=partial(self._run, ticket, one.logits)) for one in segmenters]
        finally:
            self._change(ticket, is_due=False)

    def stop(self) -> None:
        """Let no thread into the network any more."""
        with self._condition:
            self._is_stopped = True
            self._condition.notify_all()

    def _run(self, ticket: int, logits: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> np.ndarray:
        self._change(ticket, is_due=True)
        with self._condition:
            self._condition.wait_for(
                lambda: self._is_stopped or (not self._is_busy and ticket == min(self._due)),
            )
            if self._is_stopped:
                raise StoppedError
            self._is_busy = True
        try:
            return logits(images)
        finally:
            self._is_busy = False
            self._change(ticket, is_due=False)

    def _change(self, ticket: int, *, is_due: bool) -> None:
        with self._condition:
            (self._due.add if is_due else self._due.discard)(ticket)
            self._condition.notify_all()


@contextmanager
def overlapping() -> Iterator[tuple[Executor, NetworkTurn]]:
    """Yield workers, and their turn in the network. On an error or an interruption no further frame gets its turn."""
    turn = NetworkTurn()
    with ThreadPoolExecutor(WORKERS) as workers:
        try:
            yield workers, turn
        except BaseException:
            turn.stop()
            raise


class MeasuredFrames:
    """Frames that workers segment and measure; they are stored in order.

    Args:
        store: Where they are stored.
        workers: The workers; None: this thread.
        turn: Where they get the tickets of the frames.
        on_stored: Called with the number of frames stored.
    """

    def __init__(
        self,
        store: FrameStore | HeldFrame,
        workers: Executor | None,
        turn: NetworkTurn,
        on_stored: Callable[[int], None],
    ) -> None:
        self._store, self._workers, self._turn, self._on_stored = store, workers, turn, on_stored
        self._waiting: deque[Future[MeasuredFrame]] = deque()

    def submit(self, ahead: int, measure: Callable[..., MeasuredFrame], *arguments: Any) -> None:
        """Segment and measure a frame with a ticket, and store earlier ones until at most `ahead` are not stored."""
        if self._workers is None or ahead == 0:
            self.store_all()
            self._keep(measure(self._turn.ticket(), *arguments))
            return
        self._waiting.append(self._workers.submit(measure, self._turn.ticket(), *arguments))
        while len(self._waiting) > ahead:
            self._store_first()

    def store_all(self) -> None:
        """Store all frames."""
        while self._waiting:
            self._store_first()

    def store_until_stopped(self) -> None:
        """Store the frames that had passed the network before it was stopped."""
        with suppress(StoppedError):
            self.store_all()

    def _store_first(self) -> None:
        first = self._waiting[0]
        wait([first])  # an interruption here leaves it to be stored
        try:
            self._keep(first.result())
        except BaseException:
            wait(self._waiting)
            self._waiting.clear()  # frames are stored in order, so none after the one that failed
            raise
        self._waiting.popleft()

    def _keep(self, frame: MeasuredFrame) -> None:
        self._store.append(*frame)
        self._on_stored(len(self._store.records))


def frames_ahead(frame_px: int) -> int:
    """Number of frames of a size that may be in memory beside the one in the network.

    >>> frames_ahead(1024**2), frames_ahead(4096**2), frames_ahead(8192**2)
    (2, 1, 0)
    """
    return min(MAX_AHEAD, MAX_PX_AHEAD // frame_px)
