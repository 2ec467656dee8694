"""The part of the app that screens and widgets use: its folder, runs, jobs and saved state."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from textual import work
from textual.binding import BindingType

from tem_rf.errors import StorageError, TemRfError
from tem_rf.jobs.settings import SettingsRequest, load_settings, save_settings
from tem_rf.runs.load import MachineLoad
from tem_rf.runs.view import RunView
from tem_rf_tui import places
from tem_rf_tui.announcements import escape_sequences
from tem_rf_tui.images import ImageKind
from tem_rf_tui.jobs import Job, JobBoard
from tem_rf_tui.key_hints import with_keys
from tem_rf_tui.key_names import check_keys
from tem_rf_tui.keys import KeysInTurnApp
from tem_rf_tui.machine import HISTORY
from tem_rf_tui.state import load_state, save_state
from tem_rf_tui.workspace import DATASET_MARK, Workspace


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
        self.has_read_jobs = False
        self.remembered = load_state(places.state_file())
        self.settings, self.settings_problem = _read_settings()
        self.board = JobBoard(places.jobs_folder(), self.workspace.folder)
        self.loads: deque[MachineLoad] = deque(maxlen=HISTORY)
        self.keys: dict[str, str] = {}  # by the name of the binding, where they differ from the usual ones
        self._has_told_of_unsaved = False
        self._saving = threading.Lock()

    @property
    def dataset(self) -> str:
        """The dataset last chosen in this folder; empty if none was."""
        return self.remembered.datasets.get(str(self.workspace.folder), "")

    def find_dataset(self) -> Path | None:
        """Return the dataset last chosen in this folder, or else the newest one in it; searches the folder."""
        chosen = Path(self.dataset)
        if self.dataset and (chosen / DATASET_MARK).is_file():
            return chosen
        newest = max(self.workspace.datasets(), key=lambda folder: _modified(folder / DATASET_MARK), default=None)
        return newest or (chosen if self.dataset else None)  # of one that is gone, the reader will say so

    def newest_micrographs(self) -> Path | None:
        """Return the folder of micrographs to which something was added last; searches the folder."""
        folders = self.workspace.micrograph_folders()
        inside = [each / "images" if (each / "images").is_dir() else each for each in folders]
        return max(inside, key=_modified, default=None)

    def use_keys(self, bindings: Iterable[BindingType], place: str = "") -> None:
        """Use the keys of the settings, and say which of them cannot be used.

        Args:
            bindings: All bindings.
            place: The only place whose keys are looked at; default: all.
        """
        wanted = {name: key for name, key in (self.settings.keys or {}).items() if name.startswith(place)}
        self.keys, problems = check_keys(wanted, bindings)
        self.set_keymap(self.keys)
        for problem in problems:
            stop = "" if problem.endswith("?") else "."
            self.notify(f"Settings: `keys`: {problem}{stop}", severity="warning", timeout=20)

    def hint(self, text: str) -> str:
        """Return a text in which names of keys in braces, such as `{train.new}`, are replaced by the current keys."""
        return with_keys(text, self.keys)

    def notify(self, message: str, **options: Any) -> None:
        """Show a message for a while; it may name keys as a hint does."""
        super().notify(self.hint(message), **options)

    def start_command(self, title: str, *arguments: str, ending: str = "done") -> None:
        """Start `tem-rf ARGUMENTS` as a separate process, and report if that fails."""
        self._start(lambda: self.board.start(title, arguments, ending), title)

    def announce(self, text: str) -> None:
        """Give a sign to a user who looks elsewhere: the bell and a desktop notification, unless they are off."""
        if self.settings.bell:
            self.bell()
        if self.settings.notifications and self._driver is not None and not self.is_headless:
            self._driver.write(escape_sequences(text))

    def change_settings(self, **changes: Any) -> str:
        """Change settings in their file, or for this session only if that fails; return the reason if it does."""
        try:
            self.settings = save_settings(changes)
        except (TemRfError, OSError) as error:
            self.settings = self.settings.model_copy(update=changes)
            return f"Settings apply until you quit, but cannot be saved: {error}"
        return ""

    def remember(self, **changes: str | dict[str, str]) -> None:
        """Save changes for the next session, and warn once if that fails."""
        self.remembered = self.remembered.model_copy(update=changes)
        self._save_remembered()

    @work(thread=True, group="remember", description="save the last screen")
    def _save_remembered(self) -> None:
        """Save the state in the background, since a busy disk may take a second."""
        try:
            with self._saving:  # in any order: each writes the newest state
                save_state(places.state_file(), self.remembered)
        except (StorageError, OSError) as error:
            self.call_from_thread(self.tell_of_unsaved, f"The last screen cannot be saved: {error}")

    def tell_of_unsaved(self, problem: str) -> None:
        """Say once that something cannot be saved."""
        if not self._has_told_of_unsaved:
            self.notify(problem, severity="warning", timeout=10)
        self._has_told_of_unsaved = True

    def _start(self, start: Callable[[], Path], title: str) -> None:
        try:
            start()
            self.notify(f"{title}: started")
        except TemRfError as error:
            self.notify(str(error), severity="error", timeout=20)


def _read_settings() -> tuple[SettingsRequest, str]:
    """Return the settings; the defaults and the problem if the file is wrong."""
    try:
        return load_settings(), ""
    except TemRfError as error:
        return SettingsRequest.build(), str(error)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # removed a moment ago
        return 0.0
