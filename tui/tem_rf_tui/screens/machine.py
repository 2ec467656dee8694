"""The load of this machine: processors, memory, and each GPU with the processes that use it."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tem_rf.runs.load import MachineLoad
from tem_rf_tui.machine import machine_text
from tem_rf_tui.widgets.key_line import KeyLine


class MachineScreen(ModalScreen[None]):
    """Shows the load, now and in the last minutes.

    Args:
        history: The readings so far, oldest first.
    """

    BINDINGS = [
        Binding("escape,q,M", "dismiss", "Close"),
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="List all keys"),
    ]

    def __init__(self, history: Sequence[MachineLoad]) -> None:
        super().__init__()
        self._history = history

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide report") as dialog:
            dialog.border_title = "This machine"
            yield Static(machine_text(self._history), markup=False, id="machine")
        yield KeyLine()

    def show(self, history: Sequence[MachineLoad]) -> None:
        """Show another reading."""
        self.query_one("#machine", Static).update(machine_text(history))
