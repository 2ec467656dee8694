"""A field for the words of a filter, hidden until it is needed."""

from dataclasses import dataclass

from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input


class FilterField(Input):
    """Appears with `open`; Esc empties and hides it, Enter keeps the filter.

    Args:
        of: Id of the list that it filters; its own is this with `-filter`.
    """

    BINDINGS = [
        Binding("enter", "submit", "Keep", tooltip="Keep the filter and return to the list"),
        Binding("escape", "leave", "Clear", tooltip="Remove the filter"),
    ]

    @dataclass
    class Words(Message):
        """The words have changed."""

        field: "FilterField"
        words: str

    @dataclass
    class Left(Message):
        """The field has been left."""

        field: "FilterField"

    def __init__(self, of: str) -> None:
        super().__init__(placeholder="words; Enter keeps, Esc clears", compact=True, id=f"{of}-filter")
        self.of = of
        self.display = False

    def open(self) -> None:
        """Show the field and go to it."""
        self.display = True
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass the words on."""
        event.stop()
        self.post_message(self.Words(self, self.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and leave the field."""
        event.stop()
        self.display = bool(self.value)
        self.post_message(self.Left(self))

    def action_leave(self) -> None:
        """Remove the filter and leave the field."""
        self.value = ""
        self.display = False
        self.post_message(self.Left(self))
