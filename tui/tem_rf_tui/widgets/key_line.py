"""The currently available keys, on one line."""

from textual.binding import ActiveBinding
from textual.markup import escape
from textual.screen import Screen
from textual.widgets import Static


class KeyLine(Static):
    """Lists the keys of the focused widget; each can be clicked.

    A single widget, because Textual's footer has one per key and recreates them several times when a tab is opened.
    """

    def __init__(self) -> None:
        super().__init__()
        self._line = ""

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._show)
        self._show(self.screen)

    def _show(self, screen: Screen[object]) -> None:
        shown = [active for active in screen.active_bindings.values() if _is_shown(active)]
        by_action = {active.binding.action: active for active in reversed(shown)}  # of several keys, show the first
        line = "  ".join(map(self._words_of, reversed(by_action.values())))
        if line != self._line:
            self._line = line
            self.update(line, layout=False)

    def _words_of(self, active: ActiveBinding) -> str:
        binding = active.binding
        words = getattr(active.node, "key_words", {}).get(binding.action, binding.description)
        key = escape(self.app.get_key_display(binding))
        return f"[@click=app.simulate_key('{binding.key}')][bold $footer-key-foreground]{key}[/] {escape(words)}[/]"


def _is_shown(active: ActiveBinding) -> bool:
    """Whether a key is listed: only those that do something here and now."""
    applies = getattr(active.node, "applies", None)
    action = active.binding.action.partition("(")[0]
    return active.binding.show and active.enabled and (applies is None or applies(action))
