"""Interrupt a training or a study: by Ctrl-C, SIGTERM, a request in its folder, or a full disk."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tem_rf.errors import DiskFullError
from tem_rf.runs import process
from tem_rf.runs.events import EventSink, StatusEvent
from tem_rf.runs.owned_folder import OwnedFolder

PAUSE_POLL_S = 0.5


class Interruption:
    """Tells the training loop whether to stop. A second Ctrl-C ends the process at once.

    Attributes:
        signal_number: The signal that was received, or None.
    """

    def __init__(self, folder: OwnedFolder) -> None:
        self._folder = folder
        self.signal_number: int | None = None

    def asks_to_stop(self) -> bool:
        """Whether a stop was requested, immediate or not."""
        return self.signal_number is not None or process.requested(self._folder) in ("stop", "cancel")

    def asks_to_cancel(self) -> bool:
        """Whether an immediate stop was requested."""
        return process.requested(self._folder) == "cancel"

    def wait_while_paused(self, on_pause: Callable[[], None]) -> bool:
        """Sleep while the run is requested to pause.

        Args:
            on_pause: Called once at the start of the pause.

        Returns:
            Whether there was a pause.
        """
        if process.requested(self._folder) != "pause":
            return False
        on_pause()
        while process.requested(self._folder) == "pause" and self.signal_number is None:
            time.sleep(PAUSE_POLL_S)
        return True

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.signal_number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal_number = number


@contextmanager
def interruptible(folder: OwnedFolder) -> Iterator[Interruption]:
    """Turn Ctrl-C and SIGTERM into requests while the block runs.

    Python delivers signals to the main thread only. In other threads, only requests in the folder work.
    """
    interruption = Interruption(folder)
    in_main_thread = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if in_main_thread else ()
    before = {number: signal.signal(number, interruption._receive) for number in numbers}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


POLL_S = 5.0


def write_when_there_is_room(write: Callable[[], None], events: EventSink, interruption: Interruption) -> None:
    """Write a file after the preceding events. While the disk is full, report a pause and retry.

    Args:
        write: Writes the file atomically.
        events: Reports the pause; earlier events are written to disk before the file.
        interruption: Ends the waiting.

    Raises:
        DiskFullError: The disk is full and a stop was requested.
    """
    is_paused = False
    while True:
        try:
            events.flush()
            write()
            break
        except DiskFullError as error:
            if interruption.asks_to_stop():
                raise
            if not is_paused:
                is_paused = True
                reason = str(error).partition(";")[0]
                events.emit(StatusEvent(state="paused", detail=f"{reason}; resumes automatically when there is space"))
        time.sleep(POLL_S)
    if is_paused:
        events.emit(StatusEvent(state="running", detail="there is space on the disk again"))
