"""Render a micrograph with its overlays as colours of terminal cells or screen pixels."""

from dataclasses import dataclass

import numpy as np

_CONTOUR, _BOX = (255, 200, 0), (0, 220, 255)
_FALSE_NEGATIVE, _FALSE_POSITIVE = (230, 159, 0), (86, 180, 233)  # as in `tem_rf.plots.segmentation`
_OPACITY = 0.7
_SEEN = 0.2  # minimum fraction of a cell that an error covers, so thin errors along an outline are shown


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture to show.

    Attributes:
        pixels: (h, w) micrograph or patch.
        mask: (h, w) bool, particles; None: no contour.
        pixel_size_nm: Pixel size [nm]; None: the scale bar is in px.
        box: First row, first column, height and width of a frame to draw [px].
        label: (h, w) bool, label to compare the mask with: false negatives are filled, false positives are dotted in
            another colour, instead of the contour; None: draw the contour.
    """

    pixels: np.ndarray
    mask: np.ndarray | None = None
    pixel_size_nm: float | None = None
    box: tuple[float, float, float, float] | None = None
    label: np.ndarray | None = None


@dataclass(frozen=True)
class View:
    """The assignment of pixels to cells.

    Attributes:
        rows: Edges of the cells down the picture [px].
        columns: Edges of the cells across the picture [px].
        px_per_cell: Width of a cell [px of the picture].
    """

    rows: np.ndarray
    columns: np.ndarray
    px_per_cell: float


def fit(
    shape: tuple[int, ...], cells: tuple[int, int], zoom: float, centre: tuple[float, float], *, tallness: float = 1.0
) -> View:
    """Fit a picture to cells without distortion; at zoom 1 the whole picture is visible.

    Args:
        shape: Height and width of the picture [px].
        cells: Number of cells down and across.
        zoom: Magnification relative to the whole picture.
        centre: Centre of the section, as fractions of height and width.
        tallness: Height of a cell divided by its width.

    >>> fit((100, 100), (20, 50), 1.0, (0.5, 0.5)).px_per_cell
    5.0
    >>> view = fit((100, 100), (20, 50), 1.0, (0.5, 0.5), tallness=1.25)
    >>> view.px_per_cell, len(view.rows), len(view.columns)
    (4.0, 21, 26)
    """
    across = max(shape[0] / (cells[0] * tallness), shape[1] / cells[1]) / zoom
    edges = []
    for side, count, middle, px_per_cell in zip(shape, cells, centre, (across * tallness, across), strict=True):
        shown = min(side, count * px_per_cell)
        first = min(max(0.0, middle * side - shown / 2), side - shown)
        edges.append(np.linspace(first, first + shown, max(1, round(shown / px_per_cell)) + 1))
    return View(edges[0], edges[1], across)


def paint(
    grey: np.ndarray, picture: Picture, view: View, *, greys: int = 256, dot: int = 1, line: int = 1
) -> np.ndarray:
    """Return the colours of the cells.

    Args:
        grey: (h, w) micrograph, scaled from 0 to 1.
        picture: The overlays.
        view: The cells.
        greys: Number of grey levels.
        dot: Size of the dots that mark false positives [cells].
        line: Width of the contour [cells].

    Returns:
        (rows, columns, 3) uint8.
    """
    levels = (area_mean(grey, view.rows, view.columns) * (greys - 1)).round() * (255 / (greys - 1))
    colours = np.repeat(levels[..., None], 3, axis=-1).astype(np.uint8)  # (h, w) -> (h, w, 3)
    if picture.mask is not None and picture.label is not None:
        rows, columns = np.indices(colours.shape[:2])
        _lay_over(colours, _covered(picture.label & ~picture.mask, view, _SEEN), _FALSE_NEGATIVE)
        false_positives = _covered(picture.mask & ~picture.label, view, _SEEN)
        _lay_over(colours, false_positives & ((rows // dot + columns // dot) % 2 == 0), _FALSE_POSITIVE)
    elif picture.mask is not None:
        colours[contour(_covered(picture.mask, view), line)] = _CONTOUR
    if picture.box is not None:
        colours[_frame(picture.box, view)] = _BOX
    return colours


def area_mean(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the mean over the pixels of each cell; cells smaller than a pixel repeat it.

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


def contour(mask: np.ndarray, width: int = 1) -> np.ndarray:
    """Return the cells of a mask within a given distance of its outside.

    >>> mask = np.array([[False, True, True, True]])
    >>> contour(mask).tolist(), contour(mask, width=2).tolist()
    ([[False, True, False, False]], [[False, True, True, False]])
    """
    inside = mask
    for _ in range(width):
        padded = np.pad(inside, 1, mode="edge")
        inside = inside & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def _covered(mask: np.ndarray, view: View, part: float = 0.5) -> np.ndarray:
    """Return the cells of which a mask covers more than a fraction."""
    return area_mean(mask.astype(np.float32), view.rows, view.columns) > part


def _lay_over(colours: np.ndarray, cells: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Blend a colour into cells, with the micrograph still visible."""
    colours[cells] = ((1 - _OPACITY) * colours[cells] + _OPACITY * np.array(colour)).astype(np.uint8)


def scale_bar(px_per_cell: float, pixel_size_nm: float | None, width: int) -> str:
    """Return a scale bar with a round length of at most a third of the width.

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
    """Return the cells on the outline of a box; sides outside the picture are not drawn."""
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
