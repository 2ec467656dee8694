"""Browse: go through folders and pick one with micrographs."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.widgets import DirectoryTree
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf_tui.screens.form import FormScreen
from tem_rf_tui.wording import counted


class FolderTree(DirectoryTree):
    """The folders below one; hidden ones and files are left out."""

    ICON_NODE, ICON_NODE_EXPANDED = "▸ ", "▾ "

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Keep what is a folder."""
        return [path for path in paths if not path.name.startswith(".") and path.is_dir()]


class BrowseScreen(FormScreen[Path]):
    """Asks for a folder; says of the one under the cursor what pairs in it.

    Args:
        folder: Where to begin.
    """

    AUTO_FOCUS = "FolderTree"
    BINDINGS = [Binding("backspace", "parent", "Folder above", tooltip="Begin one folder further up")]

    @dataclass
    class LookedInto(Message):
        """What lies in the folder under the cursor."""

        folder: Path
        text: str
        is_problem: bool

    def __init__(self, folder: Path) -> None:
        super().__init__("Browse folders", start="Take it")
        self._folder = self._chosen = folder

    def fields(self) -> ComposeResult:
        """The tree."""
        yield FolderTree(self._folder)

    def on_tree_node_highlighted(self, event: FolderTree.NodeHighlighted) -> None:
        """Look into the folder under the cursor."""
        event.stop()
        if event.node.data is not None:
            self._chosen = event.node.data.path
            self._look(self._chosen)

    def on_browse_screen_looked_into(self, message: LookedInto) -> None:
        """Say it."""
        if message.folder == self._chosen:
            self.say(message.text, is_problem=message.is_problem)

    def action_parent(self) -> None:
        """Begin further up."""
        self._folder = self._folder.parent
        self.query_one(FolderTree).path = self._folder

    def action_start(self) -> None:
        """Give the folder back."""
        self.dismiss(self._chosen)

    @work(thread=True, exclusive=True, group="look", description="look into a folder")
    def _look(self, folder: Path) -> None:
        from tem_rf.data.pairing import pair_labels

        worker = get_current_worker()
        try:
            pairing = pair_labels(folder)
            words = f"{folder}: {counted(len(pairing.pairs), 'micrograph')} with a label"
            if pairing.problems:
                words += f", without a partner: {counted(len(pairing.problems), 'file')}"
            answer = self.LookedInto(folder, words, False)
        except (TemRfError, OSError) as error:
            answer = self.LookedInto(folder, f"✗ {error}", True)
        if not worker.is_cancelled:
            self.post_message(answer)
