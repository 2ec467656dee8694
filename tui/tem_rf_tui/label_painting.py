"""Draw a micrograph with the outlines of its particles; the cost depends on the screen, not on the micrograph."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tem_rf.data.instances import UNSURE
from tem_rf.labelling.canvas import Canvas

OPEN, REVIEWED, SELECTED = (255, 200, 0), (0, 205, 140), (0, 220, 255)
NOT_SURE, CURSOR = (225, 110, 190), (255, 70, 70)
_OPACITY = 0.5
_PERCENTILES = (0.5, 99.5)
_SAMPLED = 2**20  # pixels from which the percentiles are taken
_SMALLEST_PX = 8  # of the coarsest level


class Viewport(NamedTuple):
    """The visible part of a micrograph.

    Attributes:
        top: Upper edge [px].
        left: Left edge [px].
        px_per_cell: Width and height of a cell [px]; below 1, a pixel covers several cells.
        rows: Number of cells down.
        columns: Number of cells across.
    """

    top: float
    left: float
    px_per_cell: float
    rows: int
    columns: int

    def pixel_at(self, row: float, column: float) -> tuple[int, int]:
        """Return the pixel under a cell; halves of cells are allowed."""
        return int(np.floor(self.top + row * self.px_per_cell)), int(np.floor(self.left + column * self.px_per_cell))

    def cell_of(self, row: float, column: float) -> tuple[float, float]:
        """Return the position of the centre of a pixel in cells."""
        return (row + 0.5 - self.top) / self.px_per_cell, (column + 0.5 - self.left) / self.px_per_cell


class GreyPyramid:
    """A micrograph in eight bits and in halves of its size, so that any zoom reads about one value per cell.

    Args:
        pixels: (height, width) counts.
    """

    def __init__(self, pixels: np.ndarray) -> None:
        step = max(1, int(np.sqrt(pixels.size / _SAMPLED)))
        low, high = (float(value) for value in np.percentile(pixels[::step, ::step], _PERCENTILES))
        scale = np.float32(255 / max(high - low, 1e-9))
        grey = np.empty(pixels.shape, np.uint8)
        for start in range(0, len(pixels), 512):  # a float copy of the whole would take four times its memory
            band = (pixels[start : start + 512].astype(np.float32) - np.float32(low)) * scale
            grey[start : start + 512] = np.clip(band, 0, 255)
        self.levels: list[np.ndarray] = [grey]
        while min(self.levels[-1].shape) >= 2 * _SMALLEST_PX:
            self.levels.append(_halved(self.levels[-1]))

    def sample(self, rows: np.ndarray, columns: np.ndarray, px_per_cell: float) -> np.ndarray:
        """(rows, columns) uint8 grey of pixels, averaged over about the size of a cell.

        Args:
            rows: Rows of the pixels [px].
            columns: Columns of the pixels [px].
            px_per_cell: Size of a cell [px].
        """
        level = min(len(self.levels) - 1, max(0, int(np.log2(max(px_per_cell, 1)))))
        grey = self.levels[level]
        height, width = grey.shape
        return grey[np.minimum(rows >> level, height - 1)][:, np.minimum(columns >> level, width - 1)]


@dataclass(frozen=True)
class Marks:
    """What is drawn over the particles.

    Attributes:
        selected: The particle that the next key edits.
        cursor: Row and column of the cursor [px].
        brush_px: Radius of the brush [px]; None: no brush.
        corners: Row and column of the corners of an unfinished polygon [px].
        shows_outlines: Whether particles are outlined.
    """

    selected: int | None = None
    cursor: tuple[int, int] | None = None
    brush_px: float | None = None
    corners: tuple[tuple[int, int], ...] = ()
    shows_outlines: bool = True


def paint_labels(
    pyramid: GreyPyramid, canvas: Canvas, viewport: Viewport, marks: Marks, *, greys: int = 256, line: int = 1
) -> np.ndarray:
    """Return the colours of the cells.

    Args:
        pyramid: The micrograph.
        canvas: The particles.
        viewport: The visible part.
        marks: Cursor, brush and selection.
        greys: Number of grey levels; fewer make longer runs of one colour.
        line: Width of outlines [cells].

    Returns:
        (rows, columns, 3) uint8; cells outside the micrograph are black.
    """
    rows, columns = _pixels(viewport.top, viewport, 0), _pixels(viewport.left, viewport, 1)
    is_row, is_column = (rows >= 0) & (rows < canvas.shape[0]), (columns >= 0) & (columns < canvas.shape[1])
    rows, columns = np.clip(rows, 0, canvas.shape[0] - 1), np.clip(columns, 0, canvas.shape[1] - 1)
    level = pyramid.sample(rows, columns, viewport.px_per_cell).astype(np.uint16)
    grey = ((level * (greys - 1) + 127) // 255 * 255 // (greys - 1)).astype(np.uint8)
    colours = np.repeat(grey[..., None], 3, axis=-1)
    if marks.shows_outlines:
        _draw_particles(colours, canvas, canvas.numbers[rows][:, columns], marks.selected, line)
    colours[~is_row] = 0
    colours[:, ~is_column] = 0
    _draw_marks(colours, viewport, marks, line)
    return colours


def _pixels(edge: float, viewport: Viewport, axis: int) -> np.ndarray:
    """The pixel under the centre of each cell along an axis."""
    count = viewport.columns if axis else viewport.rows
    return np.floor(edge + (np.arange(count) + 0.5) * viewport.px_per_cell).astype(np.int64)


def _draw_particles(colours: np.ndarray, canvas: Canvas, numbers: np.ndarray, selected: int | None, line: int) -> None:
    unsure = numbers == UNSURE
    if unsure.any():
        down, across = np.indices(numbers.shape)
        dots = unsure & ((down // line + across // line) % 2 == 0)
        colours[dots] = ((1 - _OPACITY) * colours[dots] + _OPACITY * np.array(NOT_SURE)).astype(np.uint8)
    outline = np.zeros(numbers.shape, bool)
    for step in range(1, line + 1):
        outline[step:] |= numbers[step:] != numbers[:-step]
        outline[:-step] |= numbers[step:] != numbers[:-step]
        outline[:, step:] |= numbers[:, step:] != numbers[:, :-step]
        outline[:, :-step] |= numbers[:, step:] != numbers[:, :-step]
    outline &= numbers > 0
    is_reviewed = np.zeros(canvas.last_number + 1, bool)
    is_reviewed[[number for number in canvas.accepted if number <= canvas.last_number]] = True
    colours[outline] = OPEN
    colours[outline & is_reviewed[np.maximum(numbers, 0)]] = REVIEWED
    if selected is not None:
        colours[outline & (numbers == selected)] = SELECTED


def _draw_marks(colours: np.ndarray, viewport: Viewport, marks: Marks, line: int) -> None:
    for first, second in zip(marks.corners, marks.corners[1:], strict=False):
        _draw_line(colours, viewport.cell_of(*first), viewport.cell_of(*second), line)
    if marks.cursor is None:
        return
    row, column = viewport.cell_of(*marks.cursor)
    if marks.corners:
        _draw_line(colours, viewport.cell_of(*marks.corners[-1]), (row, column), line)
    half = max(0.5 / viewport.px_per_cell, 0.5)  # of the pixel
    if marks.brush_px is not None and marks.brush_px / viewport.px_per_cell > 1:
        down, across = np.indices(colours.shape[:2])
        distance = np.hypot(down + 0.5 - row, across + 0.5 - column)
        radius = (marks.brush_px + 0.5) / viewport.px_per_cell
        colours[np.abs(distance - radius) < max(0.5, line / 2)] = CURSOR
        return
    for start in (half + 0.5, -half + 0.5 - 3 * line):
        for along in range(3 * line):
            for beside in range(line):
                offset = beside - (line - 1) / 2
                _dot(colours, row + start + along, column + offset)
                _dot(colours, row + offset, column + start + along)


def _draw_line(colours: np.ndarray, start: tuple[float, float], end: tuple[float, float], line: int) -> None:
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for place in np.linspace(0, 1, int(min(length, 4 * max(colours.shape))) + 1):
        for across in range(line):
            _dot(
                colours,
                start[0] + place * (end[0] - start[0]) + across,
                start[1] + place * (end[1] - start[1]) + across,
            )


def _dot(colours: np.ndarray, row: float, column: float) -> None:
    down, across = int(np.floor(row)), int(np.floor(column))
    if 0 <= down < colours.shape[0] and 0 <= across < colours.shape[1]:
        colours[down, across] = CURSOR


def _halved(grey: np.ndarray) -> np.ndarray:
    """(h / 2, w / 2) uint8 means of two by two pixels; an odd last row or column is dropped."""
    height, width = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
    parts = [grey[down:height:2, across:width:2].astype(np.uint16) for down in (0, 1) for across in (0, 1)]
    return ((parts[0] + parts[1] + parts[2] + parts[3] + 2) >> 2).astype(np.uint8)
