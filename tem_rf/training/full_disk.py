"""Writing that waits for room on a full disk, so that no training is lost to it."""

import time
from collections.abc import Callable

from tem_rf.errors import DiskFullError
from tem_rf.runs.events import StatusEvent
from tem_rf.training.interruption import Interruption
from tem_rf.training.journal import Journal

POLL_S = 5.0


def write_when_there_is_room(write: Callable[[], None], journal: Journal, interruption: Interruption) -> None:
    """Write a file after the events before it; while the disk is full, report a pause and try again.

    Args:
        write: Writes the file whole or not at all.
        journal: Tells of the pause; its events reach the disk before the file does.
        interruption: Ends the waiting.

    Raises:
        DiskFullError: The disk is full and somebody asked the training to stop.
    """
    is_paused = False
    while True:
        try:
            journal.flush()
            write()
            break
        except DiskFullError as error:
            if interruption.asks_to_stop():
                raise
            if not is_paused:
                is_paused = True
                reason = str(error).partition(";")[0]
                journal.emit(StatusEvent(state="paused", detail=f"{reason}; goes on by itself when there is room"))
        time.sleep(POLL_S)
    if is_paused:
        journal.emit(StatusEvent(state="running", detail="there is room on the disk again"))
