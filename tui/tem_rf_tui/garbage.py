"""Garbage collection in the pauses between keys."""

import gc
import time

from textual.app import App

_NEW_OBJECTS = 50_000  # after which Python collects by itself; a key leaves some thousands
_PAUSE_S = 0.1  # after a key; the next key of a fast typist comes later
_ALL_INTERVAL_S, _SILENCE_S = 20.0, 2.0
# While keys come, in a pause or, where a key is held down, without one; otherwise pictures shown before would add up.
_ALL_AFTER_S, _LATEST_S = 3.0, 10.0


class GarbageInPauses:
    """Collects garbage while nobody types.

    Python collects whenever enough objects were made, which is while a screen is drawn: 1 to 10 ms, sometimes 100 ms.

    Args:
        app: The app.
    """

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._last_key, self._last_all = 0.0, time.monotonic()
        self._will_collect = self._is_frozen = False
        gc.set_threshold(_NEW_OBJECTS, 10, 1000)
        app.set_interval(_ALL_INTERVAL_S, self._collect_all)

    def note_key(self) -> None:
        """Collect what a key has left, after a pause."""
        self._last_key = time.monotonic()
        if not self._will_collect:
            self._will_collect = True
            self._app.set_timer(_PAUSE_S, self._collect_new)

    def _collect_new(self) -> None:
        now = time.monotonic()
        self._will_collect = now - self._last_key < _PAUSE_S and now - self._last_all < _LATEST_S
        if self._will_collect:  # another key came
            self._app.set_timer(_PAUSE_S, self._collect_new)
        elif now - self._last_all > _ALL_AFTER_S:
            self._last_all = now
            gc.collect()
        else:
            gc.collect(1)

    def _collect_all(self) -> None:
        if time.monotonic() - self._last_key < _SILENCE_S:
            return
        self._last_all = time.monotonic()
        gc.collect()
        if not self._is_frozen:
            gc.freeze()  # what was imported is not looked at again
            self._is_frozen = True
