"""The table of studies."""

from rich.text import Text
from textual.widgets import DataTable

from tui.study_tracking import TrackedStudy
from tui.widgets.run_table import SIGNS

_COLUMNS = ("state", "study", "trials done", "failed", "strategy", "seeds", "datasets")


class StudyTable(DataTable[Text | str]):
    """Studies, by name."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id)
        self._shown: dict[str, tuple[str, ...]] = {}

    def on_mount(self) -> None:
        """Make the columns."""
        for column in _COLUMNS:
            self.add_column(column, key=column)

    @property
    def chosen(self) -> str:
        """Name of the study under the cursor; empty without one."""
        names = list(self._shown)
        return names[self.cursor_row] if 0 <= self.cursor_row < len(names) else ""

    def show(self, studies: list[TrackedStudy]) -> None:
        """Show the studies as they are now, leaving the cursor on its study."""
        rows = {study.study.name: _cells(study) for study in studies}
        if list(rows) != list(self._shown):
            chosen = self.chosen
            self.clear()
            for name, cells in rows.items():
                self.add_row(*map(Text, cells), key=name)
            self._shown = rows
            self.choose(chosen)
            return
        for name, cells in rows.items():
            for column, cell, before in zip(_COLUMNS, cells, self._shown[name], strict=True):
                if cell != before:
                    self.update_cell(name, column, Text(cell), update_width=True)
        self._shown = rows

    def choose(self, name: str) -> bool:
        """Put the cursor on a study; False where it is not there."""
        if name not in self._shown:
            return False
        self.move_cursor(row=list(self._shown).index(name))
        return True


def _cells(study: TrackedStudy) -> tuple[str, ...]:
    states = [trial.state for trial in study.trials.values()]
    definition = study.definition
    about = ("", "", "")
    if definition is not None:
        names = ", ".join(dataset.name for dataset in definition.datasets)
        about = (definition.strategy.name, str(len(definition.seeds)), names)
    counts = str(states.count("finished")), str(states.count("failed"))
    return (f"{SIGNS[study.state]} {study.state}", study.study.name, *counts, *about)
