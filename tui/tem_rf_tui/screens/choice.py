"""A question with a key for each answer."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tem_rf_tui.widgets.key_line import KeyLine


class ChoiceScreen(ModalScreen[str | None]):
    """Asks; returns the key that was pressed, or None.

    Args:
        title: Title of the dialog.
        text: The question.
        answers: What each key does, by key.
    """

    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, title: str, text: str, answers: Mapping[str, str]) -> None:
        super().__init__()
        self._title, self._text, self._answers = title, text, answers
        for key, words in answers.items():
            self._bindings.bind(key, f"dismiss('{key}')", words)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(self._text, markup=False)
        yield KeyLine()
