"""The table of runs."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from tem_rf.runs import RunFolder
from tem_rf.runs.view import RunView
from tem_rf_tui.widgets.live_table import LiveTable

SIGNS = {
    "new": "·", "queued": "…", "starting": "…", "running": "▶", "paused": "‖", "stopped": "■",
    "finished": "✓", "failed": "✗", "killed": "†", "unreadable": "?",
}  # fmt: skip


class RunTable(LiveTable[RunView]):
    """Runs, newest first; those of studies under the name of their study.

    Args:
        studies: Folder of the studies.
    """

    TITLES = ("state", "run", "epochs", "best dice", "time left")

    def __init__(self, studies: Path, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._studies = studies
        self._names: dict[Path, str] = {}
        self._marked: dict[str, None] = {}  # in the order in which they were marked

    @property
    def marked(self) -> list[RunView]:
        """The marked runs that still exist, in the order in which they were marked."""
        return [self._cells[name][0] for name in self._marked if name in self._cells]

    def toggle_mark(self) -> None:
        """Mark the run under the cursor, or remove its mark, and move to the next."""
        name = self.chosen_name
        if name in self._marked:
            del self._marked[name]
        elif name:
            self._marked[name] = None
        self.redraw_item(name)
        self.move_cursor(self.cursor_row + 1)

    def mark(self, runs: Collection[Path]) -> set[Path]:
        """Mark those of the runs that are listed, and return them."""
        found = {name: item.run.path for name, (item, _) in self._cells.items() if item.run.path in runs}
        self._marked |= dict.fromkeys(found)
        for name in found:
            self.redraw_item(name)
        return set(found.values())

    def study_of(self, run: RunFolder) -> str:
        """Return the name of the study to which a run belongs; empty if it belongs to none."""
        study = run.path.parent.parent
        return study.name if study.parent == self._studies else ""

    def remove_marks(self) -> None:
        """Remove all marks."""
        marked, self._marked = self._marked, {}
        for name in marked:
            self.redraw_item(name)

    def more_words(self, item: RunView) -> str:
        """Return note, tags, network and dataset of a run."""
        about = [item.config.architecture.name, item.config.dataset.name] if item.config else []
        return " ".join([*(f"#{tag}" for tag in item.notes.tags), item.notes.note, *about])

    def name_of(self, item: RunView) -> str:
        path = item.run.path
        if path not in self._names:  # asked for 500 runs whenever one of them has news
            study = self.study_of(item.run)
            self._names[path] = f"{study}/{path.name}" if study else path.name
        return self._names[path]

    def cells(self, item: RunView) -> tuple[str, ...]:
        epochs = f"{len(item.epochs)}/{item.total_epochs}" if item.config else ""
        best = f"{item.best.validation_hard_dice:.3f}" if item.best else ""
        # By whole epochs: if it changed with every step, the whole table would be sent each time.
        whole_epochs_left = replace(item, step=None).seconds_left
        left = duration(whole_epochs_left) if whole_epochs_left is not None else ""
        name = self.name_of(item)
        mark = "● " if name in self._marked else ""
        tags = "".join(f" #{tag}" for tag in item.notes.tags)
        return f"{SIGNS[item.state]} {item.state}", f"{mark}{name}{tags}", epochs, best, left


def duration(seconds: float) -> str:
    """Return a duration in one or two units.

    >>> duration(42), duration(600), duration(7500)
    ('42 s', '10 min', '2 h 5 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
