"""Screens that show pictures of one image side by side."""

from textual.binding import Binding
from textual.screen import ModalScreen

from tem_rf_tui.widgets.micrograph_view import MicrographView


class LinkedPicturesScreen(ModalScreen[None]):
    """Zooms and pans all its pictures together."""

    BINDINGS = [
        Binding("P", "app.picture", "Picture", show=False, id="app.picture", tooltip="In a browser: open the picture")
    ]

    def action_zoom(self, factor: float) -> None:
        """Zoom all pictures."""
        for view in self.query(MicrographView):
            view.action_zoom(factor)

    def action_pan(self, rows: int, columns: int) -> None:
        """Pan all pictures."""
        for view in self.query(MicrographView):
            view.action_pan(rows, columns)

    def action_reset(self) -> None:
        """Show all pictures as a whole."""
        for view in self.query(MicrographView):
            view.action_reset()
