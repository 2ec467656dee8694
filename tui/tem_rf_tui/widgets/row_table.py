"""A table of text with a row cursor, drawn line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tem_rf_tui.key_names import named
from tem_rf_tui.widgets.columns import GAP, fit_text, fit_widths, table_width, widths_of

Row = tuple[str, ...]


class RowTable(ScrollView, can_focus=True):
    """Shows rows with a cursor below fixed column titles.

    Textual's DataTable draws every cell separately, which took half of the time from key press to display when a tab
    with 57 rows was opened. Here a row is one piece of text.

    Args:
        titles: Titles of the columns.
    """

    COMPONENT_CLASSES = {"row-table--head", "row-table--cursor"}
    BINDINGS = named(
        "table",
        Binding("up", "move(-1)", "Up", show=False, tooltip="Previous row"),
        Binding("down", "move(1)", "Down", show=False, tooltip="Next row"),
        Binding("pageup", "move_page(-1)", "Page up", show=False, tooltip="One page up"),
        Binding("pagedown", "move_page(1)", "Page down", show=False, tooltip="One page down"),
        Binding("home", "move_to(0)", "First", show=False, tooltip="First row"),
        Binding("end", "move_to(-1)", "Last", show=False, tooltip="Last row"),
        Binding("left", "look(-1)", "Left", show=False, tooltip="Scroll to the left"),
        Binding("right", "look(1)", "Right", show=False, tooltip="Scroll to the right"),
        Binding("enter", "select", "Open", show=False, tooltip="Open the row, if possible"),
    )

    @dataclass
    class RowHighlighted(Message):
        """Another row is under the cursor, or its text has changed."""

        table: "RowTable"

    @dataclass
    class RowSelected(Message):
        """The row under the cursor was opened."""

        table: "RowTable"

    @dataclass
    class TitleSelected(Message):
        """The title of a column was clicked."""

        column: int

    def __init__(self, titles: Sequence[str] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.titles: Row = tuple(titles)
        self.rows: Sequence[Row] = ()
        self.cursor_row = 0
        self._row_style = self._head_style = self._cursor_style = Style()
        self._whole_widths: list[int] = []
        self._widths: list[int] = []  # as drawn
        self._laid_out = Size()  # for this size of the table

    def show_rows(self, rows: Sequence[Row], titles: Sequence[str] | None = None) -> None:
        """Replace the rows; unchanged rows are not redrawn.

        Args:
            rows: Text of each column.
            titles: Titles of the columns, if they change.
        """
        before, chosen, layout = self.rows, self._chosen, (self.titles, self._whole_widths, len(self.rows))
        self.rows = rows
        self.titles = self.titles if titles is None else tuple(titles)
        self._whole_widths = widths_of(self.titles, rows)
        if (self.titles, self._whole_widths, len(rows)) != layout:
            self._lay_out()
        else:
            for index, (row, old) in enumerate(zip(rows, before, strict=True)):
                if row != old:
                    self.refresh_line(index + 1)
        self.cursor_row = self._within(self.cursor_row)
        self._scroll_to_cursor()
        if self._chosen not in (None, chosen):
            self.post_message(self.RowHighlighted(self))

    def move_cursor(self, row: int) -> None:
        """Move the cursor to a row, at most to the last."""
        row, before = self._within(row), self.cursor_row
        if row == before:
            return
        self.cursor_row = row
        self.refresh_line(before + 1)
        self.refresh_line(row + 1)
        self._scroll_to_cursor()
        self.post_message(self.RowHighlighted(self))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines of characters; styles are looked up once for all, which takes longer than a line."""
        self._row_style = self.rich_style
        self._head_style, self._cursor_style = map(
            self.get_component_rich_style, ("row-table--head", "row-table--cursor")
        )
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one line of characters: the titles or a row."""
        index = y - 1 + self.scroll_offset.y
        if y == 0:
            cells, style = self.titles, self._head_style
        elif index < len(self.rows):
            cells, style = self.rows[index], self._row_style
            if index == self.cursor_row:
                style = self._cursor_style
        else:
            return Strip.blank(self.size.width, self._row_style)
        fitted = (fit_text(_printable(cell), width) for cell, width in zip(cells, self._widths, strict=False))
        left, width, whole_width = self.scroll_offset.x, self.size.width, table_width(self._widths)
        text = f" {(' ' * GAP).join(fitted)} "
        if left == 0 and whole_width <= width:  # a strip takes longer to cut than to make
            return Strip([Segment(text + " " * (width - whole_width), style)], width)
        return Strip([Segment(text, style)]).crop_extend(left, left + width, style)

    def on_resize(self) -> None:
        """Fit the columns to a new size, and keep the cursor visible; a tab opened again has the same size."""
        if self.size != self._laid_out:
            self._lay_out()
            self._scroll_to_cursor()

    def on_click(self, event: Click) -> None:
        """Select the row or column under the mouse; open the row if it is already selected."""
        event.stop()
        row = event.y - 1 + self.scroll_offset.y
        if event.y == 0:
            ends = accumulate(width + GAP for width in self._widths)
            column = next((at for at, end in enumerate(ends) if event.x + self.scroll_offset.x < end), None)
            if column is not None:
                self.post_message(self.TitleSelected(column))
        elif row == self.cursor_row:
            self.action_select()
        elif row < len(self.rows):
            self.move_cursor(row)

    def action_move(self, by: int) -> None:
        """Move up or down."""
        self.move_cursor(self.cursor_row + by)

    def action_move_page(self, by: int) -> None:
        """Move up or down by one page."""
        self.move_cursor(self.cursor_row + by * max(1, self._rows_seen))

    def action_move_to(self, row: int) -> None:
        """Move to the first or last row."""
        self.move_cursor(row % max(1, len(self.rows)))

    def action_look(self, by: int) -> None:
        """Scroll left or right, if not all columns fit."""
        self.scroll_to(x=self.scroll_offset.x + by * self.size.width // 2, animate=False)

    def action_select(self) -> None:
        """Open the row."""
        if self.rows:
            self.post_message(self.RowSelected(self))

    @property
    def _chosen(self) -> Row | None:
        return self.rows[self.cursor_row] if self.rows else None

    @property
    def _rows_seen(self) -> int:
        return self.scrollable_content_region.height - 1  # below the titles

    def _lay_out(self) -> None:
        self._laid_out = self.size
        lines = len(self.rows) + 1
        room = self.size.width - (self.styles.scrollbar_size_vertical if lines > self.size.height else 0)
        self._widths = fit_widths(self._whole_widths, room) if self.size else self._whole_widths
        self.virtual_size = Size(table_width(self._widths), lines)
        self.refresh()

    def _within(self, row: int) -> int:
        return max(0, min(row, len(self.rows) - 1))

    def _scroll_to_cursor(self) -> None:
        if self._rows_seen > 0:
            first = min(self.cursor_row, max(self.scroll_offset.y, self.cursor_row - self._rows_seen + 1))
            self.scroll_to(y=first, animate=False)


class OpeningTable(RowTable):
    """A table whose rows can be opened; the key line shows the key."""

    BINDINGS = [Binding("enter", "select", "Open", tooltip="Open the row")]


def _printable(text: str) -> str:
    r"""Return text without control characters, which a folder name may contain.

    >>> _printable("a\nb\x1b[2J")
    'a b [2J'
    """
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
