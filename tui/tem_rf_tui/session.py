"""The part of the app that screens and widgets use: its folder, runs, jobs and saved state."""

from collections.abc import Callable
from pathlib import Path

from tem_rf.errors import StorageError, TemRfError
from tem_rf.runs.view import RunView
from tem_rf_tui import places
from tem_rf_tui.images import ImageKind
from tem_rf_tui.jobs import Job, JobBoard
from tem_rf_tui.keys import KeysInTurnApp
from tem_rf_tui.state import load_state, save_state
from tem_rf_tui.workspace import Workspace


class SessionApp(KeysInTurnApp):
    """Base of the app. It does not depend on the screens, so they can import it.

    Args:
        folder: The working folder, with `runs/`, `datasets/` and `saved_models/` as the commands create them.
        images: How pictures are drawn, as prepared by `tem_rf_tui.images.image_kind`.
    """

    def __init__(self, folder: Path, images: ImageKind = "blocks") -> None:
        super().__init__()
        self.images = images
        self.workspace = Workspace(folder.resolve())
        self.runs: list[RunView] = []
        self.has_read_runs = False  # before that, an empty list does not mean that there are none
        self.jobs: list[Job] = []
        self.remembered = load_state(places.state_file())
        self.board = JobBoard(places.jobs_folder(), self.workspace.folder)
        self._has_told_of_state = False

    @property
    def dataset(self) -> str:
        """The dataset last chosen in this folder; empty if none was."""
        return self.remembered.datasets.get(str(self.workspace.folder), "")

    def start_command(self, title: str, *arguments: str) -> None:
        """Start `tem-rf ARGUMENTS` as a separate process, and report if that fails."""
        self._start(lambda: self.board.start(title, arguments), title)

    def remember(self, **changes: str | dict[str, str]) -> None:
        """Save changes for the next session, and warn once if that fails."""
        self.remembered = self.remembered.model_copy(update=changes)
        try:
            save_state(places.state_file(), self.remembered)
        except (StorageError, OSError) as error:
            if not self._has_told_of_state:
                self.notify(f"Theme and screen cannot be saved: {error}", severity="warning")
            self._has_told_of_state = True

    def _start(self, start: Callable[[], Path], title: str) -> None:
        try:
            start()
            self.notify(f"{title}: started")
        except TemRfError as error:
            self.notify(str(error), severity="error", timeout=20)
