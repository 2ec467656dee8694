"""A dialog with fields, a summary line and two buttons."""

from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tem_rf_tui.screens.base import WIDE
from tem_rf_tui.widgets.field_help import about_field
from tem_rf_tui.widgets.key_line import KeyLine

Result = TypeVar("Result")


class FormScreen(ModalScreen[Result | None], Generic[Result]):
    """Asks for input and returns the result, or None.

    Args:
        title: Title of the dialog.
        start: Label of the button that accepts the input.
    """

    BINDINGS = [
        Binding("escape", "dismiss(None)", "Cancel"),
        Binding("f1", "app.help", "Help", show=False, tooltip="List all keys, also from within a field"),
        Binding("ctrl+s", "start", "Start", priority=True, tooltip="Start, or accept the selection"),
    ]

    def __init__(self, title: str, *, start: str = "Start") -> None:
        super().__init__()
        self._title, self._start_words = title, start
        self.key_words = {"start": start}  # in the key line, as on the button

    def compose(self) -> ComposeResult:
        self.set_class(self.app.size.width < WIDE, "-narrow")  # by itself only after the first paint
        with Vertical(classes="dialog wide") as dialog:
            dialog.border_title = self._title
            yield from self.fields()
            yield Static(id="about-field", markup=False)
            yield Static(id="summary", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(f"{self._start_words} (Ctrl+S)", variant="primary", id="start", compact=True)
                yield Button("Cancel (Esc)", id="cancel", compact=True)
        yield KeyLine()

    def fields(self) -> ComposeResult:
        """Yield the fields."""
        raise NotImplementedError

    def action_start(self) -> None:
        """Return the result, if it is valid."""
        raise NotImplementedError

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Show the full help of the field below the fields."""
        self.query_one("#about-field", Static).update(about_field(event.widget))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Start or cancel."""
        if event.button.id == "start":
            self.action_start()
        else:
            self.dismiss(None)

    def say(self, text: str, *, is_problem: bool = False) -> None:
        """Show a summary, or what is wrong."""
        summary = self.query_one("#summary", Static)
        summary.set_class(is_problem, "problem")
        summary.update(text)
