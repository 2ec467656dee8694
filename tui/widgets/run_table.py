"""The table of runs; only cells that changed are drawn again."""

from dataclasses import replace

from rich.text import Text
from textual.widgets import DataTable

from tui.tracking import TrackedRun

SIGNS = {
    "new": "·", "queued": "…", "starting": "…", "running": "▶", "paused": "‖", "stopped": "■",
    "finished": "✓", "failed": "✗", "killed": "†", "unreadable": "?",
}  # fmt: skip
_COLUMNS = ("state", "run", "epochs", "best dice", "left")


class RunTable(DataTable[Text | str]):
    """Runs, newest first."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id)
        self._shown: dict[str, TrackedRun] = {}

    def on_mount(self) -> None:
        """Make the columns."""
        for column in _COLUMNS:
            self.add_column(column, key=column)

    @property
    def chosen(self) -> TrackedRun | None:
        """The run under the cursor."""
        names = list(self._shown)
        return self._shown[names[self.cursor_row]] if 0 <= self.cursor_row < len(names) else None

    def show(self, runs: list[TrackedRun]) -> None:
        """Show the runs as they are now, leaving the cursor on its run."""
        names = [run.run.name for run in runs]
        if names != list(self._shown):
            chosen = self.chosen.run.name if self.chosen else None
            self.clear()
            for run in runs:
                self.add_row(*_cells(run), key=run.run.name)
            self._shown = dict(zip(names, runs, strict=True))
            if chosen in self._shown:
                self.move_cursor(row=names.index(chosen))
            return
        for run in runs:
            before = self._shown[run.run.name]
            if run is not before:
                for column, cell, old in zip(_COLUMNS, _cells(run), _cells(before), strict=True):
                    if cell != old:
                        self.update_cell(run.run.name, column, cell, update_width=True)
                self._shown[run.run.name] = run

    def choose(self, name: str) -> bool:
        """Put the cursor on a run; False where it is not there."""
        if name not in self._shown:
            return False
        self.move_cursor(row=list(self._shown).index(name))
        return True


def duration(seconds: float) -> str:
    """A duration in one or two units.

    >>> duration(42), duration(600), duration(7500)
    ('42 s', '10 min', '2 h 5 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _cells(run: TrackedRun) -> tuple[Text | str, ...]:
    epochs = f"{len(run.epochs)}/{run.total_epochs}" if run.config else ""
    best = f"{run.best.validation_hard_dice:.3f}" if run.best else ""
    # By whole epochs: a column that changed with every step would send the whole table each time.
    whole_epochs_left = replace(run, step=None).seconds_left
    left = duration(whole_epochs_left) if whole_epochs_left is not None else ""
    return f"{SIGNS[run.state]} {run.state}", Text(run.run.name), epochs, best, left
