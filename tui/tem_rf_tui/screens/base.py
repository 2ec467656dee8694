"""Base class of the screens."""

from typing import cast

from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from tem_rf_tui.session import SessionApp

READING = "Reading …"
WIDE = 120
"""Width from which views are side by side [characters]; as in the breakpoints of the app."""


class TabScreen(Vertical, can_focus=True):
    """The content of a tab, created when the tab is first opened.

    It takes the focus itself if it contains nothing to focus, so its keys also work in an empty folder.
    """

    @property
    def tem_rf(self) -> SessionApp:
        """The app, with its workspace, runs and jobs."""
        return cast("SessionApp", self.app)

    def activate(self) -> None:
        """Called when the tab is opened: refresh the content and take the focus."""

    def show_runs(self) -> None:
        """Called when the runs have changed."""

    def show_load(self) -> None:
        """Called when the load of the machine was read."""

    def show_ended_job(self) -> None:
        """Called when a job has ended and may have written new files."""

    def applies(self, action: str) -> bool:
        """Whether a key does something here and now; the key line shows no others.

        Args:
            action: The action of the key, without its parameters.
        """
        return True

    @property
    def is_wide(self) -> bool:
        """Whether the views are side by side, so that no key needs to switch between them."""
        return self.app.size.width >= WIDE

    def on_resize(self) -> None:
        """Update the key line: a wide terminal needs fewer keys."""
        self.screen.refresh_bindings()

    def stand_in(self, widget: Widget) -> None:
        """Focus a widget of the screen, or the screen itself if the widget is hidden."""
        self.screen.set_focus(widget if widget.display else self)

    def show_or_say(self, widget: Widget, words: Static, text: str | None) -> None:
        """Show a widget, or in its place a text that explains why there is nothing to show."""
        had_focus = self.screen.focused in (widget, self)  # the widgets are notified later
        widget.display, words.display = text is None, text is not None
        words.update(text or "")
        if had_focus:
            self.stand_in(widget)
