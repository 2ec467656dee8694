"""A text to read and search: the report of a check, the output of a job, or the log of a run."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.text_lines import TextLines
from tem_rf_tui.wording import counted


class ReportScreen(ModalScreen[None]):
    """Shows lines of text; the arrow keys scroll.

    Args:
        title: What the text is about.
        lines: The text.
        is_log: Whether its lines are shown whole, from the last on.
        is_table: Whether its lines are shown whole, since wrapped lines would tear the table apart.
    """

    AUTO_FOCUS = "TextLines"
    BINDINGS = [
        Binding("slash", "search", "Search", key_display="/", tooltip="Search the text"),
        Binding("n", "next(1)", "Next", tooltip="Next line that contains the text"),
        Binding("N", "next(-1)", "Previous", show=False, tooltip="Previous line that contains the text"),
        Binding("w", "wrap", "Wrap", tooltip="Wrap long lines, or show them whole"),
        Binding("escape,q", "dismiss", "Close"),
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="List all keys"),
    ]

    def __init__(self, title: str, lines: Sequence[str], *, is_log: bool = False, is_table: bool = False) -> None:
        super().__init__()
        self._title, self._lines, self._is_log = title, lines, is_log
        self._is_wrapped = not (is_log or is_table)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide report") as dialog:
            dialog.border_title = self._title
            yield FilterField("lines")
            yield TextLines(self._lines, is_wrapped=self._is_wrapped)
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the end of a log."""
        if self._is_log:
            self.call_after_refresh(self.query_one(TextLines).scroll_end, animate=False)

    def on_filter_field_words(self, event: FilterField.Words) -> None:
        """Search while you type."""
        found = self.query_one(TextLines).search(event.words)
        self.query_one(".report").border_subtitle = counted(found, "line") if event.words else ""

    def on_filter_field_left(self) -> None:
        """Return to the text."""
        self.query_one(TextLines).focus()

    def applies(self, action: str) -> bool:
        """Show the keys to the next line only after a search."""
        return action != "next" or bool(self.query_one(FilterField).value)

    def action_search(self) -> None:
        """Go to the field of the search."""
        self.query_one(FilterField).open()

    def action_next(self, by: int) -> None:
        """Go to the next or previous line that contains the text."""
        self.query_one(TextLines).next_found(by)

    def action_wrap(self) -> None:
        """Wrap long lines, or show them whole."""
        self.query_one(TextLines).toggle_wrap()
