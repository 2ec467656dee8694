"""Base class of the screens."""

import itertools
from typing import cast

from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from tem_rf_tui.session import SessionApp
from tem_rf_tui.widgets.blank_lines import BlankLines
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.live_table import LiveTable

READING = "Reading …"
WIDE = 120
"""Width from which views are side by side [characters]; as in the breakpoints of the app."""


class TabScreen(BlankLines, Vertical, can_focus=True):
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

    def show_jobs(self) -> None:
        """Called when a job has made progress."""

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

    def action_filter(self) -> None:
        """Go to the filter of the focused list, or of the first."""
        fields = self.query(FilterField)
        focused = (field for field in fields if self.query_one(f"#{field.of}").has_focus)
        next(focused, fields.first()).open()

    def filter_list(self, name: str, words: str) -> None:
        """Show only the rows of a list with all these words.

        Args:
            name: Id of the list.
            words: The words, separated by spaces.
        """
        self.query_one(f"#{name}", LiveTable).filter(words)

    def on_filter_field_words(self, event: FilterField.Words) -> None:
        """Filter while you type."""
        event.stop()
        self.filter_list(event.field.of, event.words)

    def on_filter_field_left(self, event: FilterField.Left) -> None:
        """Return to the list."""
        event.stop()
        self.stand_in(self.query_one(f"#{event.field.of}"))

    def stand_in(self, widget: Widget) -> None:
        """Focus a widget of the screen, or the screen itself if the widget or what contains it is hidden."""
        inside = itertools.takewhile(lambda node: node is not self, widget.ancestors_with_self)
        self.screen.set_focus(widget if all(node.display for node in inside if isinstance(node, Widget)) else self)

    def show_or_say(self, widget: Widget, words: Static, text: str | None) -> None:
        """Show a widget, or in its place a text that explains why there is nothing to show."""
        had_focus = self.screen.focused in (widget, self)  # the widgets are notified later
        widget.display, words.display = text is None, text is not None
        text = None if text is None else self.tem_rf.hint(text)
        if text is not None and text != words.content:  # otherwise the screen would be laid out again for nothing
            words.update(text)
        if had_focus:
            self.stand_in(widget)
