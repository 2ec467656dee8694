"""The text next to a field: its help, or what is wrong with the input."""

from textual.widget import Widget
from textual.widgets import Static


class FieldHelp(Static):
    """One line; in a narrow terminal only a sign that something is wrong.

    Args:
        about: Help of the field.
    """

    DEFAULT_CLASSES = "field-help"

    def __init__(self, about: str, *, id: str | None = None) -> None:
        super().__init__(about, markup=False, id=id)
        self.about = about

    def show_problem(self, problem: str) -> None:
        """Show what is wrong; if empty, show the help."""
        self.set_class(bool(problem), "problem")
        self.update(f"✗ {problem}" if problem else self.about)


def about_field(widget: Widget) -> str:
    """Return the help of the field that a widget belongs to; empty if there is none."""
    row = next((each for each in widget.ancestors_with_self if each.has_class("field")), None)
    return "" if row is None else next((each.about for each in row.query(FieldHelp)), "")
