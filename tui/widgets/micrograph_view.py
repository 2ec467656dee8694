"""A micrograph in half blocks: two pixels per character, the label as contour, a scale bar; zoom and pan."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

_GREYS = 32  # neighbours of one grey are sent to the terminal as one
_CONTOUR, _BOX = (255, 200, 0), (0, 220, 255)
_MISSED, _INVENTED = (230, 159, 0), (86, 180, 233)  # those of `tem_rf.evaluation.pictures`
_OPACITY = 0.7
_SEEN = 0.2  # part of a cell that an error has to cover: thin ones along an outline count
_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True, eq=False)
class Picture:
    """What is shown.

    Attributes:
        pixels: (h, w) micrograph or patch.
        mask: (h, w) bool, particles; None: no contour.
        pixel_size_nm: Side of a pixel [nm]; None: the scale bar is in px.
        box: First row, first column, height and width of a frame to draw [px].
        label: (h, w) bool, what the mask is held against: what it misses is painted over, what it invents is dotted
            in another colour, in place of the contour; None: neither.
    """

    pixels: np.ndarray
    mask: np.ndarray | None = None
    pixel_size_nm: float | None = None
    box: tuple[float, float, float, float] | None = None
    label: np.ndarray | None = None


class MicrographView(Widget, can_focus=True):
    """Draws a picture as large as it fits; the grey scale runs between two percentiles."""

    BINDINGS = [
        Binding("plus,equals_sign", "zoom(2)", "Zoom in", show=False, key_display="+"),
        Binding("minus", "zoom(0.5)", "Zoom out", show=False, key_display="-"),
        Binding("0", "reset", "Whole picture", show=False),
        Binding("left", "pan(0, -1)", "Pan left", show=False),
        Binding("right", "pan(0, 1)", "Pan right", show=False),
        Binding("up", "pan(-1, 0)", "Pan up", show=False),
        Binding("down", "pan(1, 0)", "Pan down", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture: Picture | None = None
        self._grey = np.zeros((1, 1), np.float32)
        self._zoom, self._centre = 1.0, (0.5, 0.5)
        self._lines: list[Strip] | None = None
        self._lines_size = Size(0, 0)

    @property
    def zoom(self) -> float:
        """How many times larger than the whole picture."""
        return self._zoom

    def show(self, picture: Picture | None) -> None:
        """Show another picture; zoom and place stay, to go through patches at one place."""
        self._picture = picture
        if picture is not None:
            low, high = np.percentile(picture.pixels, _PERCENTILES)
            self._grey = np.clip((picture.pixels.astype(np.float32) - low) / max(high - low, 1e-9), 0, 1)
        self._redraw()

    def action_zoom(self, factor: float) -> None:
        """Zoom about the centre."""
        self._zoom = min(64.0, max(1.0, self._zoom * factor))
        self.action_pan(0, 0)

    def action_pan(self, rows: int, columns: int) -> None:
        """Move by a quarter of what is seen."""
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
        """One line of characters."""
        if self._lines is None or self._lines_size != self.size:
            self._lines, self._lines_size = self._draw(), self.size
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def _redraw(self) -> None:
        self._lines = None
        self.refresh()

    def _draw(self) -> list[Strip]:
        picture, width, height = self._picture, self.size.width, self.size.height - 1
        if picture is None or width < 2 or height < 1:
            return []
        view = fit(self._grey.shape, (2 * height, width), self._zoom, self._centre)
        colours = paint(self._grey, picture, view)
        if len(colours) % 2:
            colours = np.concatenate([colours, np.zeros_like(colours[:1])])
        lines = [_line(colours[row], colours[row + 1]) for row in range(0, len(colours), 2)]
        lines.append(Strip([Segment(scale_bar(view.px_per_cell, picture.pixel_size_nm, width))]))
        return [line.adjust_cell_length(width, self.rich_style) for line in lines]


@dataclass(frozen=True)
class View:
    """Which pixels fall into which cell.

    Attributes:
        rows: Edges of the cells down the picture [px].
        columns: Edges of the cells across the picture [px].
        px_per_cell: Pixels of the picture on the side of a cell.
    """

    rows: np.ndarray
    columns: np.ndarray
    px_per_cell: float


def fit(shape: tuple[int, ...], cells: tuple[int, int], zoom: float, centre: tuple[float, float]) -> View:
    """Lay a picture over cells so that it is seen whole at zoom 1, with square pixels.

    >>> fit((100, 100), (20, 50), 1.0, (0.5, 0.5)).px_per_cell
    5.0
    """
    px_per_cell = max(side / count for side, count in zip(shape, cells, strict=True)) / zoom
    edges = []
    for side, count, middle in zip(shape, cells, centre, strict=True):
        shown = min(side, count * px_per_cell)
        first = min(max(0.0, middle * side - shown / 2), side - shown)
        edges.append(np.linspace(first, first + shown, max(1, round(shown / px_per_cell)) + 1))
    return View(edges[0], edges[1], px_per_cell)


def paint(grey: np.ndarray, picture: Picture, view: View) -> np.ndarray:
    """The colours of the cells.

    Args:
        grey: (h, w) the micrograph from 0 to 1.
        picture: What goes over it.
        view: The cells.

    Returns:
        (rows, columns, 3) uint8.
    """
    levels = (area_mean(grey, view.rows, view.columns) * (_GREYS - 1)).round() * (255 / (_GREYS - 1))
    colours = np.repeat(levels[..., None], 3, axis=-1).astype(np.uint8)  # (h, w) -> (h, w, 3)
    if picture.mask is not None and picture.label is not None:
        rows, columns = np.indices(colours.shape[:2])
        _lay_over(colours, _covered(picture.label & ~picture.mask, view, _SEEN), _MISSED)
        invented = _covered(picture.mask & ~picture.label, view, _SEEN)
        _lay_over(colours, invented & ((rows + columns) % 2 == 0), _INVENTED)
    elif picture.mask is not None:
        colours[contour(_covered(picture.mask, view))] = _CONTOUR
    if picture.box is not None:
        colours[_frame(picture.box, view)] = _BOX
    return colours


def area_mean(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Mean over the pixels of each cell; cells smaller than a pixel repeat it.

    >>> area_mean(np.array([[0.0, 2.0], [4.0, 6.0]]), np.array([0, 2]), np.array([0, 1, 2])).tolist()
    [[2.0, 4.0]]
    """
    for axis, edges in enumerate((rows, columns)):
        starts = np.minimum(edges.astype(int), image.shape[axis] - 1)
        ends = np.maximum(edges[1:].astype(int), starts[:-1] + 1)
        image = image.take(np.arange(starts[0], ends[-1]), axis)
        sums = np.add.reduceat(image, starts[:-1] - starts[0], axis=axis)
        counts = np.maximum(1, np.diff(np.append(starts[:-1], ends[-1])))
        image = sums / (counts[:, None] if axis == 0 else counts)
    return image


def contour(mask: np.ndarray) -> np.ndarray:
    """Cells of a mask with a neighbour outside it.

    >>> contour(np.array([[False, True, True, True]])).tolist()
    [[False, True, False, False]]
    """
    padded = np.pad(mask, 1, mode="edge")
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def _covered(mask: np.ndarray, view: View, part: float = 0.5) -> np.ndarray:
    """Cells of which a mask covers more than a part."""
    return area_mean(mask.astype(np.float32), view.rows, view.columns) > part


def _lay_over(colours: np.ndarray, cells: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Lay a colour over cells, so that the micrograph is still seen below it."""
    colours[cells] = ((1 - _OPACITY) * colours[cells] + _OPACITY * np.array(colour)).astype(np.uint8)


def scale_bar(px_per_cell: float, pixel_size_nm: float | None, width: int) -> str:
    """A bar of a round length, at most a third of the width, with its length.

    >>> scale_bar(10, 0.02, 60)
    '├──────────────────┤ 4 nm'
    """
    per_cell, unit = (px_per_cell, "px") if pixel_size_nm is None else (px_per_cell * pixel_size_nm, "nm")
    longest = per_cell * max(3, width // 3)
    magnitude = 10.0 ** np.floor(np.log10(longest))
    length = max(step * magnitude for step in (1, 2, 4, 5) if step * magnitude <= longest * 1.0001)
    cells = max(2, round(length / per_cell))
    return f"├{'─' * (cells - 2)}┤ {length:g} {unit}"


def _frame(box: tuple[float, float, float, float], view: View) -> np.ndarray:
    """Cells on the outline of a box; sides beyond the picture are not drawn."""
    first_row, first_column, height, width = box
    row = np.searchsorted(view.rows, [first_row, first_row + height], side="right") - 1
    column = np.searchsorted(view.columns, [first_column, first_column + width], side="right") - 1
    frame = np.zeros((len(view.rows) - 1, len(view.columns) - 1), bool)
    rows, columns = slice(max(0, row[0]), row[1] + 1), slice(max(0, column[0]), column[1] + 1)
    for edge in row:
        if 0 <= edge < len(frame):
            frame[edge, columns] = True
    for edge in column:
        if 0 <= edge < frame.shape[1]:
            frame[rows, edge] = True
    return frame


def _line(upper: np.ndarray, lower: np.ndarray) -> Strip:
    """A line of half blocks; neighbours of the same colours make one segment."""
    pairs = np.concatenate([upper, lower], axis=-1)  # (w, 3) and (w, 3) -> (w, 6)
    starts = np.flatnonzero(np.append(True, (np.diff(pairs.astype(int), axis=0) != 0).any(axis=-1)))
    lengths = np.diff(np.append(starts, len(pairs)))
    return Strip(
        [
            Segment("▀" * int(length), _style(*map(int, pairs[start])))
            for start, length in zip(starts, lengths, strict=True)
        ]
    )


@lru_cache(maxsize=8192)
def _style(*channels: int) -> Style:
    upper, lower = channels[:3], channels[3:]
    return Style.parse(f"#{bytes(upper).hex()} on #{bytes(lower).hex()}")
