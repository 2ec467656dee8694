"""Screens that leave out frames while the terminal cannot keep up, as over a slow line."""

from queue import Queue
from time import monotonic

from textual.app import App
from textual.screen import Screen

_PATIENCE_S = 0.05  # a frame that follows another at once is no sign of a slow line
_RETRY_S = 0.02


class SlowLineScreen(Screen[None]):
    """Draws no frame while earlier ones wait for the terminal, and then only the last.

    Textual sends every frame: 30 arrow keys on a line of 20 kB/s were shown 12 s later.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._behind_since: float | None = None
        self._will_retry = False

    def _compositor_refresh(self) -> None:
        """Draw what has changed, now or once the terminal has taken earlier frames; until then Textual keeps it."""
        if not frames_waiting(self.app):
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = monotonic()
        elif monotonic() - self._behind_since > _PATIENCE_S:
            if not self._will_retry:
                self._will_retry = True
                self.set_timer(_RETRY_S, self._retry)
            return
        super()._compositor_refresh()

    def _retry(self) -> None:
        self._will_retry = False
        if self.is_current:
            self._compositor_refresh()


def frames_waiting(app: App[None]) -> int:
    """Return the number of pieces of text that the terminal has not taken yet."""
    thread = getattr(getattr(app, "_driver", None), "_writer_thread", None)
    queue = getattr(thread, "_queue", None)
    return queue.qsize() if isinstance(queue, Queue) else 0
