"""What every screen of the app can do."""

from typing import cast

from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from tem_rf_tui.session import SessionApp

READING = "Reading …"


class TabScreen(Vertical, can_focus=True):
    """The content of a tab; it is made when the tab is first opened.

    It takes the focus itself where it has nothing to stand in, so that its keys work in an empty folder too.
    """

    @property
    def tem_rf(self) -> SessionApp:
        """The app, with its workspace, its runs and its jobs."""
        return cast("SessionApp", self.app)

    def activate(self) -> None:
        """The tab was opened: look again at what may have changed, and take the focus."""

    def show_runs(self) -> None:
        """The runs of the app have changed."""

    def show_ended_job(self) -> None:
        """A command has ended: what it made may stand on the disk now."""

    def stand_in(self, widget: Widget) -> None:
        """Put the focus into a part of the screen, if it is there to be seen."""
        self.screen.set_focus(widget if widget.display else self)

    def show_or_say(self, widget: Widget, words: Static, text: str | None) -> None:
        """Show a part of the screen, or in its place why there is nothing to show."""
        had_focus = self.screen.focused in (widget, self)  # the widgets themselves are told of it later
        widget.display, words.display = text is None, text is not None
        words.update(text or "")
        if had_focus:
            self.stand_in(widget)
