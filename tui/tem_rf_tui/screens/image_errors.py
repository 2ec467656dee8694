"""One test image: the errors of the network next to those of Fourier filtering."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf.jobs.edit_label import edit_request
from tem_rf_tui.errors_preview import ErrorPreview, labelled_files, preview_fourier_errors, preview_network_errors
from tem_rf_tui.key_names import named
from tem_rf_tui.messages import EditRequested
from tem_rf_tui.results import ScoredImage
from tem_rf_tui.screens.linked_pictures import LinkedPicturesScreen
from tem_rf_tui.widgets.hint_text import HintText
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.micrograph_view import MicrographView

_METHODS = {"network": "network", "fourier": "Fourier filtering"}


class ImageErrorsScreen(LinkedPicturesScreen):
    """Steps through images; both pictures show the same area.

    Args:
        images: The images, in the order of the table.
        start: Index of the first image to show.
    """

    AUTO_FOCUS = "#network-errors"
    BINDINGS = named(
        "image",
        Binding("n,pagedown", "next(1)", "Next", tooltip="Next image of the table"),
        Binding("p,pageup", "next(-1)", "Previous", tooltip="Previous image of the table"),
        Binding("c", "correct", "Correct label", tooltip="Correct the label of the micrograph of this image"),
        Binding("plus,equals_sign", "zoom(2)", "Zoom in", key_display="+", priority=True),
        Binding("minus", "zoom(0.5)", "Zoom out", show=False, key_display="-", priority=True),
        Binding("0", "reset", "Whole", priority=True, tooltip="Show the whole picture"),
        Binding("left", "pan(0, -1)", "Pan left", show=False, priority=True),
        Binding("right", "pan(0, 1)", "Pan right", show=False, priority=True),
        Binding("up", "pan(-1, 0)", "Pan up", show=False, priority=True),
        Binding("down", "pan(1, 0)", "Pan down", show=False, priority=True),
        Binding("escape", "dismiss", "Close"),
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="List all keys"),
    )

    @dataclass
    class PreviewRead(Message):
        """The errors of a method were read, or the reason why not."""

        image: ScoredImage
        method: str
        preview: ErrorPreview

    def __init__(self, images: Sequence[ScoredImage], start: int) -> None:
        super().__init__()
        self._images, self._index = images, start

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog whole") as dialog:
            dialog.border_title = "False negatives and false positives"
            yield Static(id="errors-image", markup=False)
            with Horizontal():
                for name, title in _METHODS.items():
                    with Vertical():
                        view = MicrographView(id=f"{name}-errors")
                        view.border_title = title
                        yield view
                        yield HintText(id=f"{name}-text", markup=False, classes="errors-text")
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the first image."""
        self._show_image()

    def on_image_errors_screen_preview_read(self, message: PreviewRead) -> None:
        """Show it, unless another image was selected meanwhile."""
        if message.image is self._images[self._index]:
            self._show(message.method, message.preview)

    def action_next(self, by: int) -> None:
        """Show another image."""
        self._index = (self._index + by) % len(self._images)
        self._show_image()

    def action_correct(self) -> None:
        """Open the micrograph of the image in the label editor."""
        image = self._images[self._index]
        try:
            micrograph, label = labelled_files(image.run.run, image.scores)
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="error", timeout=20)
            return
        self.app.post_message(EditRequested(edit_request(micrograph, label)))

    def _show_image(self) -> None:
        image = self._images[self._index]
        scores, run = image.scores, image.run.run
        place = f"{self._index + 1}/{len(self._images)}  {scores.source}, y {scores.y_px} px, x {scores.x_px} px"
        self.query_one("#errors-image", Static).update(f"{place}, run {run.name}")
        for method in _METHODS:
            self.query_one(f"#{method}-text", Static).update("Computing …")
        self._read(image)

    def _show(self, method: str, preview: ErrorPreview) -> None:
        view = self.query_one(f"#{method}-errors", MicrographView)
        view.display = preview.picture is not None
        view.show(preview.picture)
        self.query_one(f"#{method}-text", Static).update(preview.text)

    @work(thread=True, exclusive=True, group="errors", description="errors of an image")
    def _read(self, image: ScoredImage) -> None:
        worker = get_current_worker()
        for method, preview in (("network", preview_network_errors), ("fourier", preview_fourier_errors)):
            if worker.is_cancelled:  # another image was selected, or the dialog closed
                return
            try:
                errors = preview(image.run.run, image.scores)
            except (TemRfError, OSError) as error:
                errors = ErrorPreview(None, f"✗ {error}")
            self.post_message(self.PreviewRead(image, method, errors))
