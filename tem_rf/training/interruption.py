"""Ways to ask a training to end between two steps: Ctrl-C, SIGTERM, a request in the run folder."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tem_rf.runs import process
from tem_rf.runs.folder import RunFolder

PAUSE_POLL_S = 0.5


class Interruption:
    """Tells the loop whether to end; a second Ctrl-C ends the process at once.

    Attributes:
        signal_number: The signal that asked, or None.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self.signal_number: int | None = None

    def asks_to_stop(self) -> bool:
        """Whether somebody asked the training to stop."""
        return self.signal_number is not None or process.requested(self._run) == "stop"

    def wait_while_paused(self, on_pause: Callable[[], None]) -> bool:
        """Sleep for as long as the run is asked to pause.

        Args:
            on_pause: Called once when the pause begins.

        Returns:
            Whether there was a pause.
        """
        if process.requested(self._run) != "pause":
            return False
        on_pause()
        while process.requested(self._run) == "pause" and self.signal_number is None:
            time.sleep(PAUSE_POLL_S)
        return True

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.signal_number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal_number = number


@contextmanager
def interruptible(run: RunFolder) -> Iterator[Interruption]:
    """Turn Ctrl-C and SIGTERM into requests for as long as the block lasts.

    Python delivers signals to the main thread only; elsewhere requests in the run folder are what remains.
    """
    interruption = Interruption(run)
    in_main_thread = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if in_main_thread else ()
    before = {number: signal.signal(number, interruption._receive) for number in numbers}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
