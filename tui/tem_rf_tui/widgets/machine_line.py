"""The load of the machine, in the right end of the line of tabs."""

from textual.widgets import Static

from tem_rf.runs.load import MachineLoad
from tem_rf_tui.machine import line_text


class MachineLine(Static):
    """Shows the load of the GPUs, or of the processors; a click opens the details."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", markup=False, id=id)
        self._text = ""
        self._is_wide = False

    def show(self, load: MachineLoad, *, is_wide: bool) -> None:
        """Show the load, if its text has changed.

        The line becomes no shorter when a number does: each change of its width lays out the whole screen again.
        """
        width = len(self._text) if is_wide == self._is_wide else 0
        text = line_text(load, is_wide=is_wide).rjust(width)
        if text != self._text:
            self.update(text, layout=len(text) != len(self._text))
            self._text, self._is_wide = text, is_wide

    async def on_click(self) -> None:
        """Open the details."""
        await self.app.run_action("machine")
