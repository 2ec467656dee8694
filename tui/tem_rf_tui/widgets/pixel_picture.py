"""A micrograph in pixels, for terminals that support it."""

import math
from typing import Literal

import numpy as np
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tem_rf_tui.images import cell_px
from tem_rf_tui.painting import Picture, fit, paint, scale_bar

_MAX_CELL_PX = 24  # height of a character that is drawn; textual-image scales to the real size
_DOT_PX = 4
_LINE_PX = 3  # of a contour at zoom 1; one pixel more for each factor of two


class PixelPicture(Vertical):
    """Draws a picture with textual-image, as large as possible, above its scale bar.

    Args:
        kind: The protocol of the terminal.
    """

    def __init__(self, kind: Literal["kitty", "sixel"]) -> None:
        super().__init__()
        self._kind = kind
        self._cell = drawn_cell(cell_px())
        self._scene: tuple[Picture, np.ndarray, float, tuple[float, float]] | None = None

    def compose(self) -> ComposeResult:
        from textual_image.widget import SixelImage, TGPImage

        self._image = TGPImage() if self._kind == "kitty" else SixelImage()
        yield self._image
        yield Static(id="scale-bar", markup=False)

    def show(self, picture: Picture | None, grey: np.ndarray, zoom: float, centre: tuple[float, float]) -> None:
        """Show a section of a picture.

        Args:
            picture: The picture; None: nothing.
            grey: (h, w) its pixels, scaled from 0 to 1.
            zoom: Magnification relative to the whole picture.
            centre: Centre of the section, as fractions of height and width.
        """
        self._scene = None if picture is None else (picture, grey, zoom, centre)
        self.display = picture is not None
        self._draw()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    def _draw(self) -> None:
        width, height = self.size.width, self.size.height - 1
        if self._scene is None or width < 2 or height < 1:
            return
        from PIL import Image

        picture, grey, zoom, centre = self._scene
        view = fit(grey.shape, (self._cell[0] * height, self._cell[1] * width), zoom, centre)
        colours = paint(grey, picture, view, dot=_DOT_PX, line=_LINE_PX + round(math.log2(zoom)))
        rows, columns = (-(-side // cell) for side, cell in zip(colours.shape[:2], self._cell, strict=True))
        whole = np.empty((rows * self._cell[0], columns * self._cell[1], 3), np.uint8)  # pad to whole characters
        whole[:] = self.background_colors[1].rgb
        whole[: colours.shape[0], : colours.shape[1]] = colours
        self._image.styles.width, self._image.styles.height = columns, rows
        self._image.image = Image.fromarray(whole)
        bar = scale_bar(view.px_per_cell * self._cell[1], picture.pixel_size_nm, width)
        self.query_one("#scale-bar", Static).update(bar)


def drawn_cell(cell: tuple[int, int]) -> tuple[int, int]:
    """Return the size that a character is drawn in: its own, or in a fine font a smaller one of the same proportion.

    Args:
        cell: Height and width of a character of the terminal [px].

    >>> drawn_cell((17, 8)), drawn_cell((40, 20)), drawn_cell((41, 19))
    ((17, 8), (24, 12), (13, 6))
    """
    height, width = cell
    if height <= _MAX_CELL_PX:
        return cell
    sizes = [(each, max(1, round(each * width / height))) for each in range(_MAX_CELL_PX, _MAX_CELL_PX // 2, -1)]
    return min(sizes, key=lambda size: abs(size[1] / size[0] - width / height))
