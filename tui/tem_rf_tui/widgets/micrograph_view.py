"""A micrograph with outlined label and scale bar, zoom and pan; in pixels, or in half blocks, two per character."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import cast

import numpy as np
from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from tem_rf_tui.images import cell_px
from tem_rf_tui.key_names import named
from tem_rf_tui.painting import Picture, View, fit, paint, scale_bar
from tem_rf_tui.session import SessionApp
from tem_rf_tui.widgets.half_blocks import half_block_line
from tem_rf_tui.widgets.pixel_picture import PixelPicture

_GREYS = 32  # neighbours with the same grey are sent to the terminal as one segment
_PERCENTILES = (0.5, 99.5)
_SLOW_S = 0.2
_MIN_PNG_PX, _PNG_LINE_PX = 1024, 2


class MicrographView(Widget, can_focus=True):
    """Draws a picture as large as possible; the grey scale runs between two percentiles."""

    BINDINGS = named(
        "picture",
        Binding("plus,equals_sign", "zoom(2)", "Zoom in", show=False, key_display="+"),
        Binding("minus", "zoom(0.5)", "Zoom out", show=False, key_display="-"),
        Binding("0", "reset", "Whole picture", show=False),
        Binding("left", "pan(0, -1)", "Pan left", show=False),
        Binding("right", "pan(0, 1)", "Pan right", show=False),
        Binding("up", "pan(-1, 0)", "Pan up", show=False),
        Binding("down", "pan(1, 0)", "Pan down", show=False),
    )

    @dataclass
    class Clicked(Message):
        """A place of the picture was clicked.

        Attributes:
            y_px: Its row [px].
            x_px: Its column [px].
        """

        y_px: float
        x_px: float

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture: Picture | None = None
        self._slow: Timer | None = None  # until reading is slow enough to say so
        self._titles: tuple[str | None, str | None] = (None, None)  # before that was said, and then
        self._grey = np.zeros((1, 1), np.float32)
        self._zoom, self._centre = 1.0, (0.5, 0.5)
        self._lines: list[Strip] | None = None
        self._lines_size = Size(0, 0)

    def on_mount(self) -> None:
        """Follow the theme, whose background surrounds the picture."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._redraw())

    def compose(self) -> ComposeResult:
        kind = cast("SessionApp", self.app).images
        if kind != "blocks":
            yield PixelPicture(kind)

    @property
    def zoom(self) -> float:
        """Magnification relative to the whole picture."""
        return self._zoom

    @property
    def is_empty(self) -> bool:
        """Whether it shows no picture."""
        return self._picture is None

    def png(self) -> bytes:
        """Return the whole picture with its overlays as a PNG file; small pictures are enlarged.

        Raises:
            ValueError: There is no picture.
        """
        from PIL import Image

        if self._picture is None:
            raise ValueError("no picture")
        height, width = self._grey.shape
        scale = max(1, _MIN_PNG_PX // max(height, width))
        view = fit(self._grey.shape, (scale * height, scale * width), 1.0, (0.5, 0.5))
        colours = paint(self._grey, self._picture, view, dot=2, line=_PNG_LINE_PX)
        file = BytesIO()
        Image.fromarray(colours).save(file, "PNG")
        return file.getvalue()

    def expect(self, name: str, when_slow: Callable[[], None] = lambda: None) -> None:
        """Say in the title what is read, if it takes a while until it is shown.

        Args:
            name: Name of the file.
            when_slow: Called if it does.
        """
        self._stop_expecting()

        def say() -> None:
            title, self.border_title = self.border_title, f"Reading {name} …"
            self._titles = (title, self.border_title)
            when_slow()

        self._slow = self.set_timer(_SLOW_S, say)

    def show(self, picture: Picture | None) -> None:
        """Show another picture; zoom and position are kept."""
        self._stop_expecting()
        self._picture = picture
        if picture is not None:
            low, high = np.percentile(picture.pixels, _PERCENTILES)
            self._grey = np.clip((picture.pixels.astype(np.float32) - low) / max(high - low, 1e-9), 0, 1)
        self._redraw()

    def clear(self) -> None:
        """Show no picture; the title stays."""
        self._picture = None
        self._redraw()

    def look_at(self, row: float, column: float, zoom: float) -> None:
        """Show a place in the middle.

        Args:
            row: Its row, as a fraction of the height.
            column: Its column, as a fraction of the width.
            zoom: Magnification relative to the whole picture.
        """
        self._zoom, self._centre = min(64.0, max(1.0, zoom)), (row, column)
        self.action_pan(0, 0)

    def on_click(self, event: Click) -> None:
        """Tell which place of the picture was clicked."""
        if self._picture is None or self.query(PixelPicture):
            return
        place = event.get_content_offset(self)
        view = self._view()
        if place is not None and 2 * place.y < len(view.rows) and place.x < len(view.columns):
            self.post_message(self.Clicked(float(view.rows[2 * place.y]), float(view.columns[place.x])))

    def action_zoom(self, factor: float) -> None:
        """Zoom about the centre."""
        self._zoom = min(64.0, max(1.0, self._zoom * factor))
        self.action_pan(0, 0)

    def action_pan(self, rows: int, columns: int) -> None:
        """Pan by a quarter of the visible area."""
        half = 0.5 / self._zoom
        row, column = (
            min(1 - half, max(half, centre + steps * half / 2))
            for centre, steps in zip(self._centre, (rows, columns), strict=True)
        )
        self._centre = (row, column)
        self._redraw()

    def action_reset(self) -> None:
        """Show the whole picture."""
        self._zoom, self._centre = 1.0, (0.5, 0.5)
        self._redraw()

    def on_mouse_scroll_up(self) -> None:
        """Zoom in."""
        self.action_zoom(2)

    def on_mouse_scroll_down(self) -> None:
        """Zoom out."""
        self.action_zoom(0.5)

    def render_line(self, y: int) -> Strip:
        """Return one line of characters."""
        if self._lines is None or self._lines_size != self.size:
            self._lines, self._lines_size = self._draw(), self.size
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def _view(self) -> View:
        """Return the assignment of pixels to half blocks."""
        height, width = cell_px()
        cells = (2 * (self.size.height - 1), self.size.width)
        return fit(self._grey.shape, cells, self._zoom, self._centre, tallness=height / 2 / width)

    def _stop_expecting(self) -> None:
        if self._slow is not None:
            self._slow.stop()
        before, said = self._titles
        if said is not None and self.border_title == said:  # otherwise there is a new title already
            self.border_title = before
        self._slow, self._titles = None, (None, None)

    def _redraw(self) -> None:
        for pixels in self.query(PixelPicture):
            pixels.show(self._picture, self._grey, self._zoom, self._centre)
        self._lines = None
        self.refresh()

    def _draw(self) -> list[Strip]:
        picture, width, height = self._picture, self.size.width, self.size.height - 1
        if picture is None or width < 2 or height < 1 or self.query(PixelPicture):
            return []
        view = self._view()
        colours = paint(self._grey, picture, view, greys=_GREYS)
        if len(colours) % 2:
            rest = np.full_like(colours[:1], self.background_colors[1].rgb)  # half a line below the picture
            colours = np.concatenate([colours, rest])
        lines = [half_block_line(colours[row], colours[row + 1]) for row in range(0, len(colours), 2)]
        lines.append(Strip([Segment(scale_bar(view.px_per_cell, picture.pixel_size_nm, width), self.rich_style)]))
        return [line.adjust_cell_length(width, self.rich_style) for line in lines]
