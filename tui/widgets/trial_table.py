"""The live table of the trials of a study."""

from rich.text import Text
from textual.widgets import DataTable

from tui.study_trials import StudyTrial
from tui.widgets.run_table import SIGNS

_COLUMNS = ("state", "network", "field", "objective", "seeds", "epochs")


class TrialTable(DataTable[Text | str]):
    """Trials in the order given; only cells that changed are drawn again."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id)
        self._trials: list[StudyTrial] = []

    def on_mount(self) -> None:
        """Make the columns."""
        for column in _COLUMNS:
            self.add_column(column, key=column)

    @property
    def chosen(self) -> StudyTrial | None:
        """The trial under the cursor."""
        return self._trials[self.cursor_row] if 0 <= self.cursor_row < len(self._trials) else None

    def show(self, trials: list[StudyTrial]) -> None:
        """Show the trials as they are now, leaving the cursor on its trial."""
        before, self._trials = self._trials, trials
        if [trial.name for trial in trials] == [trial.name for trial in before]:
            for trial, old in zip(trials, before, strict=True):
                for column, cell, old_cell in zip(_COLUMNS, _cells(trial), _cells(old), strict=True):
                    if cell != old_cell:
                        self.update_cell(trial.name, column, Text(cell), update_width=True)
            return
        chosen = before[self.cursor_row].name if 0 <= self.cursor_row < len(before) else ""
        self.clear()
        for trial in trials:
            self.add_row(*map(Text, _cells(trial)), key=trial.name)
        self.move_cursor(row=next((row for row, trial in enumerate(trials) if trial.name == chosen), 0))


def _cells(trial: StudyTrial) -> tuple[str, ...]:
    done, asked_for = trial.epochs
    return (
        f"{SIGNS[trial.state]} {trial.state}",
        trial.architecture.name,
        trial.field_text,
        trial.objective_text,
        f"{trial.seeds_done}/{trial.seeds}",
        f"{done}/{asked_for}",
    )
