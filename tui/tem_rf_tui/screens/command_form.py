"""The form of a command: its settings, checked as one types."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel
from textual.app import ComposeResult

from tem_rf_tui.screens.form import FormScreen
from tem_rf_tui.widgets.settings_form import SettingsForm

Request = TypeVar("Request", bound=BaseModel)


class CommandForm(FormScreen[Request]):
    """Asks for the settings of a command.

    Args:
        title: What the command does.
        start: The settings to begin with.
        only: Names of the settings to show, in this order; default: all.
    """

    def __init__(self, title: str, start: Request, only: Sequence[str] = ()) -> None:
        super().__init__(title)
        self._form = SettingsForm(start, only=only, id="settings")

    def fields(self) -> ComposeResult:
        """The settings."""
        yield self._form

    def on_settings_form_changed(self) -> None:
        """Say what is wrong, whole."""
        problem = self._form.problem
        self.say(f"✗ {problem}" if problem else "", is_problem=bool(problem))

    def action_start(self) -> None:
        """Give the settings back, if nothing is wrong with them."""
        settings = self._form.settings
        if settings is not None:
            self.dismiss(settings)
