"""What every screen of the app can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.containers import Vertical

if TYPE_CHECKING:
    from tui.app import TemRfApp


class TabScreen(Vertical):
    """The content of a tab; it is made when the tab is first opened."""

    @property
    def tem_rf(self) -> TemRfApp:
        """The app, with its workspace, its runs and its jobs."""
        return cast("TemRfApp", self.app)

    def activate(self) -> None:
        """The tab was opened: look again at what may have changed, and take the focus."""

    def show_runs(self) -> None:
        """The runs of the app have changed."""

    def show_ended_job(self) -> None:
        """A command has ended: what it made may stand on the disk now."""
