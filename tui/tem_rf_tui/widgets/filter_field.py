"""A field for the words of a filter, hidden until it is needed."""

from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input


class FilterField(Input):
    """Appears with `open`; Esc empties and hides it, Enter keeps the filter."""

    BINDINGS = [Binding("escape", "leave", "Clear", show=False, tooltip="Remove the filter")]

    class Words(Message):
        """The words have changed."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Left(Message):
        """The field has been left."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(placeholder="filter: words in the row; Esc removes it", compact=True, id=id)
        self.display = False

    def open(self) -> None:
        """Show the field and go to it."""
        self.display = True
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass the words on."""
        event.stop()
        self.post_message(self.Words(self.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and leave the field."""
        event.stop()
        self.display = bool(self.value)
        self.post_message(self.Left())

    def action_leave(self) -> None:
        """Remove the filter and leave the field."""
        self.value = ""
        self.display = False
        self.post_message(self.Left())
