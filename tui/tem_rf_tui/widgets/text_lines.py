"""Lines of text to scroll and search, whole or wrapped."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tem_rf_tui.key_names import named

_FOUND = Style(reverse=True)


class TextLines(ScrollView, can_focus=True):
    """Shows lines; a search marks what it finds.

    Args:
        lines: The lines.
        is_wrapped: Whether long lines are wrapped; otherwise the arrow keys scroll to their ends.
    """

    BINDINGS = named(
        "text",
        Binding("up", "scroll_up", "Up", show=False),
        Binding("down", "scroll_down", "Down", show=False),
        Binding("left", "scroll_left", "Left", show=False),
        Binding("right", "scroll_right", "Right", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home", "scroll_home", "First line", show=False),
        Binding("end", "scroll_end", "Last line", show=False),
    )

    def __init__(self, lines: Sequence[str], *, is_wrapped: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines = [line.expandtabs() for line in lines]
        self.is_wrapped = is_wrapped
        self._shown: list[str] = []
        self._words = ""

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._lay_out()

    def toggle_wrap(self) -> None:
        """Wrap long lines, or show them whole."""
        self.is_wrapped = not self.is_wrapped
        self._lay_out()

    def search(self, words: str) -> int:
        """Mark a text and scroll to where it first occurs; return the number of lines with it."""
        self._words = words.lower()
        self.refresh()
        if self._words and (places := self._places()):
            self.scroll_to(y=max(0, places[0] - 1), animate=False)
            return len(places)
        return 0

    def next_found(self, by: int) -> None:
        """Scroll to the next or previous line with the text of the search."""
        places = self._places()
        here = self.scroll_offset.y + 1
        others = [place for place in places if (place > here if by > 0 else place < here)]
        if others:
            self.scroll_to(y=max(0, (others[0] if by > 0 else others[-1]) - 1), animate=False)

    def render_line(self, y: int) -> Strip:
        """Return one line of characters."""
        index = y + self.scroll_offset.y
        if index >= len(self._shown):
            return Strip.blank(self.size.width, self.rich_style)
        line = Strip(self._segments(self._shown[index])).apply_style(self.rich_style)
        left = self.scroll_offset.x
        return line.crop_extend(left, left + self.size.width, self.rich_style)

    def _segments(self, line: str) -> list[Segment]:
        segments, end, lower = [], 0, line.lower()
        while self._words and (place := lower.find(self._words, end)) >= 0:
            stop = place + len(self._words)
            segments += [Segment(line[end:place]), Segment(line[place:stop], _FOUND)]
            end = stop
        return [*segments, Segment(line[end:])]

    def _places(self) -> list[int]:
        return [number for number, line in enumerate(self._shown) if self._words and self._words in line.lower()]

    def _lay_out(self) -> None:
        width = max(20, self.size.width - self.styles.scrollbar_size_vertical)
        wrapped = [part for line in self._lines for part in _parts(line, width)]
        self._shown = wrapped if self.is_wrapped else self._lines
        self.virtual_size = Size(max((len(line) for line in self._shown), default=0), len(self._shown))
        self.refresh()


def _parts(line: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(line, width, subsequent_indent="  ", break_on_hyphens=False, drop_whitespace=False) or [""]
