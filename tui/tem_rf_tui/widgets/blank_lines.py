"""A blank background, drawn quickly."""

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class BlankLines(Widget):
    """A container whose own lines are all the same blank one.

    Textual makes, styles and cuts a line of its own for each of 57 rows, also below what the container contains; this
    took a third of the time from key press to display.
    """

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the blank line, once for each row."""
        line = _blank_line(crop.width, self.rich_style)
        for line_filter in self.get_line_filters():
            line = line.apply_filter(line_filter, self.background_colors[1])
        return [line] * crop.height


@lru_cache(64)
def _blank_line(width: int, style: Style) -> Strip:
    return Strip([Segment(" " * width, style)], width)
