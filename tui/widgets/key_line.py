"""The keys that work now, on one line."""

from textual.markup import escape
from textual.screen import Screen
from textual.widgets import Static


class KeyLine(Static):
    """Names the keys of what has the focus; each can be clicked.

    One widget in place of the footer's one per key, which were made anew several times whenever a tab was opened.
    """

    def __init__(self) -> None:
        super().__init__()
        self._line = ""

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._show)
        self._show(self.screen)

    def _show(self, screen: Screen[object]) -> None:
        keys = [
            f"[@click=app.simulate_key('{active.binding.key}')][bold $footer-key-foreground]"
            f"{escape(self.app.get_key_display(active.binding))}[/] {escape(active.binding.description)}[/]"
            for active in screen.active_bindings.values()
            if active.binding.show and active.enabled
        ]
        line = "  ".join(dict.fromkeys(keys))
        if line != self._line:
            self._line = line
            self.update(line, layout=False)
