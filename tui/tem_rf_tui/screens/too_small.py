"""What is shown instead of the app in a terminal that is too small for it."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen
from textual.widgets import Static

from tem_rf_tui.terminal_size import MIN_COLUMNS, MIN_LINES


class TooSmallScreen(ModalScreen[None]):
    """Asks for a larger terminal, until it is large enough."""

    BINDINGS = [Binding("q", "app.quit", "Quit", show=False, tooltip="Close the app; runs and jobs continue")]

    def compose(self) -> ComposeResult:
        yield Static(id="too-small", markup=False)

    def on_mount(self) -> None:
        """Show the sizes."""
        self.on_resize()

    def on_resize(self) -> None:
        """Show the current size."""
        width, height = self.app.size
        self.query_one("#too-small", Static).update(
            f"This terminal is {width} x {height} characters; the app needs {MIN_COLUMNS} x {MIN_LINES}.\n"
            "Enlarge it or choose a smaller font, or press q to quit. Runs and jobs continue."
        )
