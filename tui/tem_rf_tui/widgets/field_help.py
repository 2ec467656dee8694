"""What stands beside a field: what it is for, or what is wrong with what was typed."""

from textual.widget import Widget
from textual.widgets import Static


class FieldHelp(Static):
    """One line; in a narrow terminal only the sign that something is wrong.

    Args:
        about: What the field is for.
    """

    DEFAULT_CLASSES = "field-help"

    def __init__(self, about: str, *, id: str | None = None) -> None:
        super().__init__(about, markup=False, id=id)
        self.about = about

    def show_problem(self, problem: str) -> None:
        """Say what is wrong; empty: say what the field is for."""
        self.set_class(bool(problem), "problem")
        self.update(f"✗ {problem}" if problem else self.about)


def about_field(widget: Widget) -> str:
    """What the field is for that a widget belongs to; empty where it belongs to none."""
    row = next((each for each in widget.ancestors_with_self if each.has_class("field")), None)
    return "" if row is None else next((each.about for each in row.query(FieldHelp)), "")
