"""The form of a command: its settings, checked as one types."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui.widgets.key_line import KeyLine
from tui.widgets.settings_form import SettingsForm

Request = TypeVar("Request", bound=BaseModel)


class CommandForm(ModalScreen[Request | None], Generic[Request]):
    """Asks for the settings of a command; gives them back, or None.

    Args:
        title: What the command does.
        start: The settings to begin with.
        only: Names of the settings to show, in this order; default: all.
    """

    BINDINGS = [
        Binding("escape", "dismiss(None)", "Cancel"),
        Binding("ctrl+s", "start", "Start", priority=True),
    ]

    def __init__(self, title: str, start: Request, only: Sequence[str] = ()) -> None:
        super().__init__()
        self._title, self._form = title, SettingsForm(start, only=only, id="settings")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide") as dialog:
            dialog.border_title = self._title
            yield self._form
            yield Static(id="summary", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Start (Ctrl+S)", variant="primary", id="start", compact=True)
                yield Button("Cancel (Esc)", id="cancel", compact=True)
        yield KeyLine()

    def on_settings_form_changed(self) -> None:
        """Say what is wrong, whole."""
        summary, problem = self.query_one("#summary", Static), self._form.problem
        summary.set_class(bool(problem), "problem")
        summary.update(f"✗ {problem}" if problem else "")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Start or leave."""
        if event.button.id == "start":
            self.action_start()
        else:
            self.dismiss(None)

    def action_start(self) -> None:
        """Give the settings back, if nothing is wrong with them."""
        settings = self._form.settings
        if settings is not None:
            self.dismiss(settings)
