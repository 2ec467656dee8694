"""The scores of each image of a row, worst first."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer

from tui.results import METRICS, ResultRow


class ImageScoresScreen(ModalScreen[None]):
    """Lists images.

    Args:
        row: The row they belong to.
    """

    BINDINGS = [Binding("escape,enter", "dismiss", "Close", priority=True)]

    def __init__(self, row: ResultRow) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide") as dialog:
            dialog.border_title = f"{self._row.cells[1]} on {self._row.cells[0]}: images, worst first"
            yield DataTable(cursor_type="row", id="images")
        yield Footer()

    def on_mount(self) -> None:
        """Fill the table."""
        table = self.query_one(DataTable)
        table.add_columns("micrograph", "row, column", "seed", *(metric.replace("_", " ") for metric in METRICS))
        for seed, image in sorted(self._row.images, key=lambda each: each[1].hard_dice):
            scores = (getattr(image, metric) for metric in METRICS)
            cells = ("–" if score is None else f"{score:.3f}" for score in scores)
            table.add_row(image.source, f"{image.row}, {image.column}", str(seed), *cells)
