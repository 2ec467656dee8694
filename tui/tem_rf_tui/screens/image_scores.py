"""The scores of each image of a row, worst first, with a key to open an image."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from tem_rf.evaluation.trials import TrialResult
from tem_rf_tui.results import METRICS, ScoredImage, images_of
from tem_rf_tui.screens.image_errors import ImageErrorsScreen
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.row_table import OpeningTable, Row, RowTable
from tem_rf_tui.wording import has_words

_TITLES = ("micrograph", "y, x px", "seed", "hard", "soft", "boundary F1", "HD95 px")


class ImageScoresScreen(ModalScreen[None]):
    """Lists the images of a row.

    Args:
        row: Row of the Results screen.
    """

    BINDINGS = [
        Binding(
            "enter",
            "open",
            "Open",
            tooltip="Show false negatives and false positives of the image",
        ),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show images with all words"),
        Binding("escape", "dismiss", "Close"),
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="List all keys"),
    ]

    def __init__(self, row: TrialResult) -> None:
        super().__init__()
        self._row = row
        self._images = images_of(row)
        self._shown = self._images  # those with the words of the filter

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide") as dialog:
            dialog.border_title = f"{self._row.method} on {self._row.dataset}: images, worst hard dice first"
            yield FilterField("images")
            yield OpeningTable(_TITLES, id="images")
        yield KeyLine()

    def on_mount(self) -> None:
        """Fill the table."""
        self.query_one(RowTable).show_rows(list(map(_cells, self._shown)))
        self.query_one(RowTable).focus()

    def on_filter_field_words(self, event: FilterField.Words) -> None:
        """Show the images with these words."""
        self._shown = [image for image in self._images if has_words(" ".join(_cells(image)), event.words)]
        self.query_one(RowTable).show_rows(list(map(_cells, self._shown)))

    def on_filter_field_left(self) -> None:
        """Return to the table."""
        self.query_one(RowTable).focus()

    def on_row_table_row_selected(self) -> None:
        """Open the image."""
        self.action_open()

    def action_open(self) -> None:
        """Open the image under the cursor."""
        if self._shown:
            self.app.push_screen(ImageErrorsScreen(self._shown, self.query_one(RowTable).cursor_row))

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one(FilterField).open()


def _cells(image: ScoredImage) -> Row:
    scores = (getattr(image.scores, metric) for metric in METRICS)
    seed = image.run.config.seed
    place = f"{image.scores.y_px}, {image.scores.x_px}"
    return (image.scores.source, place, str(seed), *("–" if each is None else f"{each:.3f}" for each in scores))
