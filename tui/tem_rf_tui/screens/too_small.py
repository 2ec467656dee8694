"""What is shown instead of the app in a terminal that is too small for it."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from tem_rf_tui.terminal_size import MIN_COLUMNS, MIN_LINES
from tem_rf_tui.widgets.hint_text import HintText


class TooSmallScreen(ModalScreen[None]):
    """Asks for a larger terminal, until it is large enough."""

    BINDINGS = [Binding("q", "app.quit", "Quit", show=False, tooltip="Close the app; runs and jobs continue")]

    def compose(self) -> ComposeResult:
        yield HintText(id="too-small", markup=False)

    def on_mount(self) -> None:
        """Show the sizes."""
        self.on_resize()

    def on_resize(self) -> None:
        """Show the current size."""
        width, height = self.app.size
        self.query_one(HintText).update(
            f"This terminal is {width} x {height} characters; the app needs {MIN_COLUMNS} x {MIN_LINES}.\n"
            "Enlarge it or choose a smaller font, or press {app.quit} to quit. Runs and jobs continue."
        )
