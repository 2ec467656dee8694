"""The form of a job: its settings, checked while you type, and the corresponding command line."""

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
    """Asks for the settings of a request; subclasses use them.

    Args:
        title: Title of the form.
        request: Class of the request.
        start: Initial values of fields.
        fixed: Values of settings that are not shown.
        only: Settings to show; default: all.
        leave_out: Settings to hide.
        choices: Choices of settings that are only known at run time.
    """

    BINDINGS = [
        Binding(
            "ctrl+o", "all_settings", "All settings", priority=True, tooltip="Show all settings or only the basic ones"
        )
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
        """Yield the settings."""
        yield self.form

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable the key for all settings only if there are advanced ones."""
        return self.form.has_advanced if action == "all_settings" else super().check_action(action, parameters)

    async def action_all_settings(self) -> None:
        """Show all settings or only the basic ones."""
        await self.form.toggle_advanced()


class CommandForm(RequestScreen[R, R]):
    """Asks for the settings of a command; returns its request."""

    def on_mount(self) -> None:
        """Show the command line."""
        self.on_request_form_changed()

    def on_request_form_changed(self) -> None:
        """Show the command line, or what is wrong."""
        request = self.form.request
        if request is not None:
            self.say(shlex.join(["tem-rf", *request.command_line()]))
        else:
            self.say(f"✗ {self.form.problem}", is_problem=True)

    def action_start(self) -> None:
        """Return the request, if it is valid."""
        request = self.form.request
        if request is not None:
            self.dismiss(request)
        else:
            self.form.show_problems()
