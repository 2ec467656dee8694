"""Dialogs about runs: name, note and tags of one, and the question before deletion."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from tem_rf.runs.view import RunView
from tem_rf_tui.screens.form import FormScreen
from tem_rf_tui.widgets.field_help import FieldHelp
from tem_rf_tui.widgets.key_line import KeyLine

_FIELDS = {
    "name": "Name of the run and its folder; it can be changed while the run neither trains nor waits.",
    "note": "Anything worth remembering about the run.",
    "tags": "Words to filter by, separated by spaces.",
}


@dataclass(frozen=True)
class AboutRun:
    """What the user calls a run and wrote about it."""

    name: str
    note: str
    tags: tuple[str, ...]


class AboutRunScreen(FormScreen[AboutRun]):
    """Asks for name, note and tags of a run.

    Args:
        run: The run.
    """

    AUTO_FOCUS = "#about-note"

    def __init__(self, run: RunView) -> None:
        super().__init__(f"About {run.run.name}", start="Save")
        self._values = {"name": run.run.name, "note": run.notes.note, "tags": " ".join(run.notes.tags)}

    def fields(self) -> ComposeResult:
        """Yield the fields."""
        for name, about in _FIELDS.items():
            with Horizontal(classes="field"):
                yield Label(name, classes="field-name")
                yield Input(self._values[name], compact=True, id=f"about-{name}")
                yield FieldHelp(about)

    def action_start(self) -> None:
        """Return the values."""
        name, note, tags = (self.query_one(f"#about-{each}", Input).value.strip() for each in _FIELDS)
        self.dismiss(AboutRun(name, note, tuple(tags.replace("#", " ").replace(",", " ").split())))


class QuestionScreen(ModalScreen[bool]):
    """Asks before something that cannot be undone.

    Args:
        question: The question.
    """

    BINDINGS = [Binding("y", "dismiss(True)", "Yes"), Binding("n,escape,q", "dismiss(False)", "No")]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(f"{self._question}\n\nPress y for yes, n for no.", markup=False)
        yield KeyLine()
