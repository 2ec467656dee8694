"""Browse folders and select one with micrographs."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text, TextType
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.widgets import DirectoryTree
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf_tui.screens.form import FormScreen
from tem_rf_tui.wording import counted
from tem_rf_tui.workspace import DATASET_MARK


class FolderTree(DirectoryTree):
    """The subfolders of a folder, without hidden folders; on request also the micrographs.

    Args:
        folder: The folder.
        has_files: Whether micrographs are listed.
    """

    ICON_NODE, ICON_NODE_EXPANDED, ICON_FILE = "▸ ", "▾ ", ""

    def __init__(self, folder: Path, *, has_files: bool = False) -> None:
        super().__init__(folder)
        self._has_files = has_files

    def process_label(self, label: TextType) -> Text:
        """Name the topmost folder by its whole path, and the others by their names."""
        return label if isinstance(label, Text) else Text(label)

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Keep visible folders, and micrographs on request."""
        from tem_rf.data.formats.dispatch import MICROGRAPH_SUFFIXES

        visible = [path for path in paths if not path.name.startswith(".")]
        return [
            path
            for path in visible
            if path.is_dir() or (self._has_files and path.name.lower().endswith(MICROGRAPH_SUFFIXES))
        ]


class BrowseScreen(FormScreen[Path]):
    """Asks for a folder; shows how many micrographs in the folder under the cursor have labels.

    Args:
        folder: Initial folder.
        has_files: Whether a single micrograph may be selected, too.
    """

    AUTO_FOCUS = "FolderTree"
    BINDINGS = [Binding("backspace", "parent", "Parent folder", tooltip="Show the parent folder")]

    @dataclass
    class LookedInto(Message):
        """Content of the folder under the cursor."""

        folder: Path
        text: str
        is_problem: bool

    def __init__(self, folder: Path, *, has_files: bool = False) -> None:
        super().__init__("Browse folders and files" if has_files else "Browse folders", start="Select")
        self._folder = self._chosen = folder
        self._has_files = has_files
        self._problem = ""  # of the folder under the cursor

    def fields(self) -> ComposeResult:
        """Yield the tree."""
        yield FolderTree(self._folder, has_files=self._has_files)

    def on_tree_node_highlighted(self, event: FolderTree.NodeHighlighted) -> None:
        """Read the folder under the cursor."""
        event.stop()
        if event.node.data is not None:
            self._choose(event.node.data.path)

    def on_directory_tree_file_selected(self, event: FolderTree.FileSelected) -> None:
        """Return the file."""
        event.stop()
        self.dismiss(event.path)

    def on_browse_screen_looked_into(self, message: LookedInto) -> None:
        """Show the content."""
        if message.folder == self._chosen:
            self._problem = message.text if message.is_problem else ""
            self.say(message.text, is_problem=message.is_problem)

    def action_parent(self) -> None:
        """Show the parent folder, and put the cursor on it."""
        self._folder = self._folder.parent
        self.query_one(FolderTree).path = self._folder
        self._choose(self._folder)

    def action_start(self) -> None:
        """Return the folder; a field may also take one that is still empty."""
        if self._problem and not self._has_files:
            self.notify("Select a folder with micrographs, or a prepared dataset.", severity="warning")
        else:
            self.dismiss(self._chosen)

    def _choose(self, path: Path) -> None:
        self._chosen, self._problem = path, ""
        if path.is_dir():
            self.say(f"{path}: reading …")
            self._look(path)
        else:
            self.say(str(path))

    @work(thread=True, exclusive=True, group="look", description="read a folder")
    def _look(self, folder: Path) -> None:
        from tem_rf.data.pairing import pair_labels

        worker = get_current_worker()
        try:
            if (folder / DATASET_MARK).is_file():
                self.post_message(self.LookedInto(folder, f"{folder}: prepared dataset", False))
                return
            pairing = pair_labels(folder)
            words = f"{folder}: {counted(len(pairing.pairs), 'micrograph')} with a label"
            if not pairing.pairs and pairing.unlabelled:
                words = (
                    f"{folder}: {counted(len(pairing.unlabelled), 'micrograph')} without labels, to segment or label"
                )
            elif pairing.problems:
                words += f", {counted(len(pairing.problems), 'file')} without a partner"
            answer = self.LookedInto(folder, words, False)
        except (TemRfError, OSError) as error:
            answer = self.LookedInto(folder, f"✗ {error}", True)
        if not worker.is_cancelled:
            self.post_message(answer)
