"""The label editor as an app of its own, for `tem-rf label edit`."""

from pathlib import Path

from textual import work
from textual.binding import Binding

from tem_rf.labelling.session import EditingSession
from tem_rf_tui.label_keys import EDITOR_BINDINGS
from tem_rf_tui.label_painting import GreyPyramid
from tem_rf_tui.screens.edit_label import EditLabelScreen
from tem_rf_tui.session import SessionApp
from tem_rf_tui.themes import HIGH_CONTRAST


class EditorApp(SessionApp):
    """Shows the editor, and ends with it.

    Args:
        session: The opened label; the caller closes it.
    """

    TITLE = "tem-rf"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [
        Binding("ctrl+q", "quit", "Quit", show=False, tooltip="Close the editor; steps that were not saved are kept")
    ]

    def __init__(self, session: EditingSession) -> None:
        super().__init__(Path())
        self.animation_level = "none"
        self._session = session

    def on_mount(self) -> None:
        """Apply the saved theme and open the editor."""
        self.register_theme(HIGH_CONTRAST)
        self.theme = self.settings.theme
        self.use_keys(EDITOR_BINDINGS, "editor.")
        self._edit()

    @work
    async def _edit(self) -> None:
        pyramid = GreyPyramid(self._session.micrograph.pixels)
        await self.push_screen(EditLabelScreen(self._session, pyramid), lambda _: self.exit())
        await self.take_keys()
