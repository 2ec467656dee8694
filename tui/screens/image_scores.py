"""The scores of each image of a row, worst first; each can be opened."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import DataTable

from tui.results import METRICS, ResultRow
from tui.screens.image_errors import ImageErrorsScreen
from tui.widgets.key_line import KeyLine


class ImageScoresScreen(ModalScreen[None]):
    """Lists images.

    Args:
        row: The row they belong to.
    """

    BINDINGS = [
        Binding("enter", "open", "Open", tooltip="What is missed and invented in the image, beside Fourier filtering"),
        Binding("escape", "dismiss", "Close", priority=True),
    ]

    def __init__(self, row: ResultRow) -> None:
        super().__init__()
        self._row = row
        self._images = sorted(row.images, key=lambda each: each.scores.hard_dice)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide") as dialog:
            dialog.border_title = f"{self._row.cells[1]} on {self._row.cells[0]}: images, worst first"
            yield DataTable(cursor_type="row", id="images")
        yield KeyLine()

    def on_mount(self) -> None:
        """Fill the table."""
        table = self.query_one(DataTable)
        table.add_columns("micrograph", "row, column", "seed", *(metric.replace("_", " ") for metric in METRICS))
        for image in self._images:
            scores = (getattr(image.scores, metric) for metric in METRICS)
            cells = ("–" if score is None else f"{score:.3f}" for score in scores)
            place = f"{image.scores.row}, {image.scores.column}"
            seed = image.run.config.seed if image.run.config else "?"
            table.add_row(image.scores.source, place, str(seed), *cells)

    def on_data_table_row_selected(self) -> None:
        """Open the image."""
        self.action_open()

    def action_open(self) -> None:
        """Open the image under the cursor."""
        self.app.push_screen(ImageErrorsScreen(self._images, self.query_one(DataTable).cursor_row))
