"""A micrograph with the particles that are corrected: zoom, pan, cursor and mouse; it draws only what changed.

It draws half blocks in every terminal: in pixels, by kitty's protocol, each key took 240 ms of processor time and sent
3 MB at 200 x 60 characters, instead of 12 ms and 60 kB.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.segment import Segment
from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tem_rf.labelling.canvas import Box, Canvas
from tem_rf_tui.label_painting import GreyPyramid, Marks, Viewport, paint_labels
from tem_rf_tui.painting import scale_bar
from tem_rf_tui.widgets.half_blocks import half_block_line

_GREYS = 20  # neighbours with the same grey are sent to the terminal as one segment
_MIN_PX_PER_CELL = 1 / 16
_MARGIN = 0.12  # of the view; the view follows a cursor that is closer to its edge
_LARGE, _SMALL_CELLS = 0.7, 10  # a particle of which more of the view, or less than so many cells, is zoomed
_SHARE = 0.3  # of the view, that a zoomed particle covers
_CLOSEST_PX_PER_CELL = 0.5  # of that zoom, so that a small particle keeps its surroundings


class LabelCanvas(Widget, can_focus=True):
    """Draws micrograph and outlines.

    Args:
        canvas: The particles.
        pyramid: The micrograph.
        pixel_size_nm: Pixel size [nm], for the scale bar.
    """

    @dataclass
    class Pressed(Message):
        """The mouse was pressed, and released without being moved.

        Attributes:
            row: Row of the pixel.
            column: Column of the pixel.
            button: 1 for left, 3 for right.
            is_shifted: Whether Shift was held.
        """

        row: int
        column: int
        button: int
        is_shifted: bool

    @dataclass
    class Dragged(Message):
        """The mouse was moved while it was pressed.

        Attributes:
            stroke: Row and column of the pixels under it.
            has_ended: Whether the button was released.
        """

        stroke: tuple[tuple[int, int], ...]
        has_ended: bool

    def __init__(self, canvas: Canvas, pyramid: GreyPyramid, pixel_size_nm: float | None) -> None:
        super().__init__(id="label-canvas")
        self._canvas, self._pyramid, self._pixel_size_nm = canvas, pyramid, pixel_size_nm
        self._marks = Marks()
        self._px_per_cell, self._centre = 0.0, (canvas.shape[0] / 2, canvas.shape[1] / 2)
        self._colours: np.ndarray | None = None
        self._lines: list[Strip] = []
        self._stroke: list[tuple[int, int]] = []

    # -- the view -------------------------------------------------------------------------------------------------

    @property
    def viewport(self) -> Viewport:
        """The visible part."""
        rows, columns = self._cells()
        first = [
            self._first(centre, count, side)
            for centre, count, side in zip(self._centre, (rows, columns), self._canvas.shape, strict=True)
        ]
        return Viewport(first[0], first[1], self._px_per_cell, rows, columns)

    def draw(self, marks: Marks) -> None:
        """Draw the present state."""
        self._marks = marks
        self._draw()

    def zoom(self, factor: float, about: tuple[int, int] | None = None) -> None:
        """Zoom about a pixel; the whole micrograph is the smallest magnification."""
        old = self._px_per_cell
        self._px_per_cell = min(self._whole(), max(_MIN_PX_PER_CELL, old / factor))
        if about is not None:
            ratio = self._px_per_cell / old
            self._centre = (
                about[0] + 0.5 + ratio * (self._centre[0] - about[0] - 0.5),
                about[1] + 0.5 + ratio * (self._centre[1] - about[1] - 0.5),
            )
        self._draw()

    def show_whole(self) -> None:
        """Show the whole micrograph."""
        self._px_per_cell, self._centre = self._whole(), (self._canvas.shape[0] / 2, self._canvas.shape[1] / 2)
        self._draw()

    def centre_on(self, row: int, column: int) -> None:
        """Move a pixel to the middle."""
        self._centre = (row + 0.5, column + 0.5)
        self._draw()

    def follow(self, row: int, column: int) -> None:
        """Pan as little as needed for a pixel to be visible with some surroundings."""
        view = self.viewport
        cells = view.cell_of(row, column)
        moved = []
        for cell, count, centre in zip(cells, (view.rows, view.columns), self._centre, strict=True):
            margin = _MARGIN * count
            beyond = min(0.0, cell - margin) + max(0.0, cell - count + margin)
            moved.append(centre + beyond * view.px_per_cell)
        self._centre = (moved[0], moved[1])

    def frame(self, box: Box) -> None:
        """Move a particle to the middle, and zoom if it is too large or too small to see its outline."""
        view, size = self.viewport, max(box.shape)
        shorter = min(view.rows, view.columns)
        cells = size / view.px_per_cell
        is_small = cells < min(_SMALL_CELLS, shorter * _SHARE) and view.px_per_cell > _CLOSEST_PX_PER_CELL
        if cells > _LARGE * shorter or is_small:
            self._px_per_cell = min(self._whole(), max(_CLOSEST_PX_PER_CELL, size / (_SHARE * shorter)))
        self._centre = ((box.top + box.bottom) / 2, (box.left + box.right) / 2)

    def is_in_view(self, row: int, column: int) -> bool:
        """Whether a pixel is visible."""
        view = self.viewport
        down, across = view.cell_of(row, column)
        return 0 <= down < view.rows and 0 <= across < view.columns

    def _cells(self) -> tuple[int, int]:
        width, height = max(1, self.size.width), max(1, self.size.height - 1)  # the last line has the scale bar
        return 2 * height, width

    def _whole(self) -> float:
        return max(side / count for side, count in zip(self._canvas.shape, self._cells(), strict=True))

    def _first(self, centre: float, count: int, side: int) -> float:
        """First visible pixel along an axis: the view does not leave the micrograph, or has it in the middle."""
        shown = count * self._px_per_cell
        return (side - shown) / 2 if shown >= side else min(max(0.0, centre - shown / 2), side - shown)

    # -- drawing --------------------------------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        """Draw for the new size."""
        if event.size.width > 0 and event.size.height > 1:
            self._px_per_cell = min(self._px_per_cell or np.inf, self._whole())
            self._colours = None
            self._draw()

    def render_line(self, y: int) -> Strip:
        """Return one line of characters."""
        if y < len(self._lines):
            return self._lines[y]
        return Strip.blank(self.size.width, self.rich_style)

    def _draw(self) -> None:
        if self._px_per_cell <= 0 or self.size.height < 2:
            return
        view = self.viewport
        colours = paint_labels(self._pyramid, self._canvas, view, self._marks, greys=_GREYS)
        self._update_lines(colours, scale_bar(view.px_per_cell, self._pixel_size_nm, self.size.width))

    def _update_lines(self, colours: np.ndarray, bar: str) -> None:
        width, count = self.size.width, len(colours) // 2
        old, self._colours = self._colours, colours
        if old is None or old.shape != colours.shape or len(self._lines) != count + 1:
            changed: Sequence[int] = range(count)
            self._lines = [Strip.blank(width)] * (count + 1)
        else:
            differs = (old != colours).any(axis=(1, 2))
            changed = np.flatnonzero(differs[0::2] | differs[1::2]).tolist()
        for row in changed:
            self._lines[row] = half_block_line(colours[2 * row], colours[2 * row + 1])
        self._lines[-1] = Strip([Segment(bar, self.rich_style)]).adjust_cell_length(width, self.rich_style)
        self.refresh(*(Region(0, row, width, 1) for row in (*changed, count)))

    # -- the mouse ------------------------------------------------------------------------------------------------

    def on_mouse_down(self, event: MouseDown) -> None:
        """Begin a stroke."""
        self.capture_mouse()
        self._stroke = [self._pixel_under(event)]

    def on_mouse_move(self, event: MouseMove) -> None:
        """Continue the stroke."""
        if self._stroke and (pixel := self._pixel_under(event)) != self._stroke[-1]:
            self._stroke.append(pixel)
            self.post_message(self.Dragged(tuple(self._stroke), has_ended=False))

    def on_mouse_up(self, event: MouseUp) -> None:
        """End the stroke."""
        stroke, self._stroke = self._stroke, []
        self.capture_mouse(False)
        if len(stroke) > 1:
            self.post_message(self.Dragged(tuple(stroke), has_ended=True))
        elif stroke:
            self.post_message(self.Pressed(*stroke[0], event.button, event.shift))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Zoom in about the pointer."""
        event.stop()
        self.zoom(2, self._pixel_under(event))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Zoom out about the pointer."""
        event.stop()
        self.zoom(0.5, self._pixel_under(event))

    def _pixel_under(self, event: MouseDown | MouseMove | MouseUp | MouseScrollUp | MouseScrollDown) -> tuple[int, int]:
        place = event.screen_offset - self.content_region.offset
        view, size = self.viewport, Size(max(1, self.size.width), max(1, self.size.height - 1))
        row = (place.y + 0.5) * view.rows / size.height
        column = (place.x + 0.5) * view.columns / size.width
        return view.pixel_at(row, column)
