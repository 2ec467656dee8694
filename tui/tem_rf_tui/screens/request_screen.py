"""The form of a job: its settings, checked while you type, and the corresponding command line."""

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding

from tem_rf.jobs.request import Request
from tem_rf_tui.screens.browse import BrowseScreen
from tem_rf_tui.screens.form import FormScreen, Result
from tem_rf_tui.session import SessionApp
from tem_rf_tui.widgets.request_form import Choice, RequestForm, title

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
        button: Label of the button that accepts the settings.
    """

    BINDINGS = [
        Binding(
            "ctrl+o", "all_settings", "All settings", priority=True, tooltip="Show all settings or only the basic ones"
        ),
        Binding("ctrl+b", "browse", "Browse", priority=True, tooltip="Browse to the file or folder of this field"),
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
        button: str = "Start",
    ) -> None:
        super().__init__(title, start=button)
        self.form: RequestForm[R] = RequestForm(
            request, start=start, fixed=fixed, only=only, leave_out=leave_out, choices=choices, id="settings"
        )

    def fields(self) -> ComposeResult:
        """Yield the settings."""
        yield self.form

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable the key for all settings only if there are advanced ones, and the one to browse only for paths."""
        if action == "browse":
            return self.form.path_field(self.focused) is not None
        return self.form.has_advanced if action == "all_settings" else super().check_action(action, parameters)

    def action_browse(self) -> None:
        """Select the path of a field."""
        field = self.form.path_field(self.focused)
        if field is None:
            return
        folder = cast("SessionApp", self.app).workspace.folder
        given = folder / field.value.partition(",")[0]
        start = given if field.value and given.is_dir() else folder

        def fill(path: Path | None) -> None:
            if path is not None:
                field.value = str(path.relative_to(folder) if path.is_relative_to(folder) else path)

        self.app.push_screen(BrowseScreen(start, has_files=True), fill)

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
        """Return the request, if it is valid and what it reads exists."""
        request = self.form.request
        if request is None:
            self.form.show_problems()
        elif missing := _missing(request, cast("SessionApp", self.app).workspace.folder):
            self.form.show_problems(missing)
            self.say("✗ " + " ".join(f"{title(name)}: {problem}" for name, problem in missing.items()), is_problem=True)
        else:
            self.dismiss(request)


def _missing(request: Request, folder: Path) -> dict[str, str]:
    """Return the settings with paths that do not exist, with the reason: a job that fails would lose the form.

    Args:
        request: The request.
        folder: Folder in which its command runs.
    """
    values = request.values()
    missing = {}
    for name, setting in request.settings().items():
        if setting.must_exist and values[name] is not None:
            paths = values[name] if setting.is_list else (values[name],)
            gone = [path for path in paths if not os.access(folder / path, os.R_OK)]
            if gone:
                missing[name] = f"{gone[0]} does not exist, or may not be read; expected an existing path."
    return missing
