"""An image of colours in pixels above one line of text, for terminals that support it."""

from typing import Literal

import numpy as np
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

_CELL_PX = (10, 5)  # height and width of a character: half of the usual, which is a quarter of the bytes to send


class PixelImage(Vertical):
    """Draws an array of colours with textual-image.

    Args:
        kind: The protocol of the terminal.
    """

    line = 2
    """Width of a line to draw [px]."""
    cells_per_column = _CELL_PX[1]
    """Pixels across a character."""

    def __init__(self, kind: Literal["kitty", "sixel"]) -> None:
        super().__init__()
        self._kind = kind

    def compose(self) -> ComposeResult:
        from textual_image.widget import SixelImage, TGPImage

        self._image = TGPImage() if self._kind == "kitty" else SixelImage()
        yield self._image
        yield Static(id="scale-bar", markup=False)

    def cells(self, width: int, height: int) -> tuple[int, int]:
        """Return rows and columns of the array for a number of characters across and down."""
        return _CELL_PX[0] * height, _CELL_PX[1] * width

    def show(self, colours: np.ndarray, bar: str) -> None:
        """Show an array.

        Args:
            colours: (rows, columns, 3) uint8, of the size that `cells` says.
            bar: The line of text.
        """
        from PIL import Image

        self._image.styles.width = colours.shape[1] // _CELL_PX[1]
        self._image.styles.height = colours.shape[0] // _CELL_PX[0]
        self._image.image = Image.fromarray(colours)
        self.query_one("#scale-bar", Static).update(bar)
