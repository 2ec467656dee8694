"""A check box that shows whether it is on or off."""

from textual.widgets import Checkbox


class SwitchBox(Checkbox):
    """A check box with its state as a word; Textual's own shows the same cross for both states, in another colour.

    Args:
        value: Whether it is on.
    """

    def __init__(self, value: bool, *, id: str | None = None) -> None:
        super().__init__(_word(value), value, compact=True, id=id)

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802  Textual's name
        """The cross."""
        return "X" if self.value else " "

    def watch_value(self) -> None:
        """Show the new state."""
        super().watch_value()
        self.label = _word(self.value)


def _word(value: bool) -> str:
    return "on" if value else "off"
