"""The form of a job: its settings, checked as one types, and the command line that they come to."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding

from tem_rf.jobs.request import Request
from tem_rf_tui.screens.form import FormScreen, Result
from tem_rf_tui.widgets.request_form import Choice, RequestForm

R = TypeVar("R", bound=Request)


class RequestScreen(FormScreen[Result], Generic[R, Result]):
    """Asks for the settings of a request; what becomes of them, a subclass knows.

    Args:
        title: What the job does.
        request: Class of the request.
        start: Values that fields begin with.
        fixed: Values of settings that are not asked for.
        only: Settings to ask for; default: all.
        leave_out: Settings not to ask for.
        choices: Choices of settings that are known only now.
    """

    BINDINGS = [
        Binding("ctrl+o", "all_settings", "All settings", priority=True, tooltip="Show all settings, or the basic ones")
    ]

    def __init__(
        self,
        title: str,
        request: type[R],
        *,
        start: Mapping[str, Any] | None = None,
        fixed: Mapping[str, Any] | None = None,
        only: Collection[str] = (),
        leave_out: Collection[str] = (),
        choices: Mapping[str, Sequence[Choice]] | None = None,
    ) -> None:
        super().__init__(title)
        self.form: RequestForm[R] = RequestForm(
            request, start=start, fixed=fixed, only=only, leave_out=leave_out, choices=choices, id="settings"
        )

    def fields(self) -> ComposeResult:
        """The settings."""
        yield self.form

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key for all settings is there where there are more."""
        return self.form.has_advanced if action == "all_settings" else super().check_action(action, parameters)

    async def action_all_settings(self) -> None:
        """Show all settings, or the basic ones."""
        await self.form.toggle_advanced()


class CommandForm(RequestScreen[R, R]):
    """Asks for the settings of a command, and gives back its request."""

    def on_mount(self) -> None:
        """Say what would be run."""
        self.on_request_form_changed()

    def on_request_form_changed(self) -> None:
        """Say what would be run, or what is wrong."""
        request = self.form.request
        if request is not None:
            self.say(shlex.join(["tem-rf", *request.command_line()]))
        else:
            self.say(f"✗ {self.form.problem}", is_problem=True)

    def action_start(self) -> None:
        """Give the request back, if nothing is wrong with it."""
        request = self.form.request
        if request is not None:
            self.dismiss(request)
        else:
            self.form.show_problems()
