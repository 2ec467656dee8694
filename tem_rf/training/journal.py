"""The events of a training on their way to `events.jsonl` and to whoever listens."""

from collections.abc import Callable

from tem_rf.errors import DiskFullError
from tem_rf.runs.events import Event, EventLog, StepEvent

Listener = Callable[[Event], None]


class Journal:
    """Writes events and tells the listeners; on a full disk it holds the events back until there is room.

    Args:
        log: Where to write.
        listeners: Called with every event.
    """

    def __init__(self, log: EventLog, *listeners: Listener) -> None:
        self._log, self._listeners = log, listeners
        self._held_back: list[Event] = []

    def emit(self, event: Event) -> None:
        """Report an event; a step that cannot be written is left out, since the next one says more."""
        self._held_back.append(event)
        try:
            self.flush()
        except DiskFullError:
            self._held_back = [held for held in self._held_back if not isinstance(held, StepEvent)]
        for listener in self._listeners:
            listener(event)

    def flush(self) -> None:
        """Write what was held back.

        Raises:
            DiskFullError: There is still no room.
        """
        while self._held_back:
            self._log.write(self._held_back[0])
            del self._held_back[0]
