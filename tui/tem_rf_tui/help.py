"""The help screen: all keys, grouped by where they work."""

from collections.abc import Iterable, Mapping

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tem_rf_tui.key_hints import key_sign
from tem_rf_tui.widgets.key_line import KeyLine


class HelpScreen(ModalScreen[None]):
    """Lists keys.

    Args:
        places: Bindings, by the title of the place where they work.
    """

    BINDINGS = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def __init__(self, places: Mapping[str, Iterable[BindingType]]) -> None:
        super().__init__()
        self._places = places
        self.titles = tuple(places)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide", id="help") as dialog:
            dialog.border_title = "Keys"
            yield Static(self._table())
            yield Static(
                "Tab and Shift+Tab move through fields and tables. Esc leaves a field, so shortcuts work again.\n"
                "You can also use the mouse: click tabs, rows, column titles and the keys in the footer.\n"
                "Closing the app or the terminal stops nothing: runs and jobs continue and reappear when you return."
            )
        yield KeyLine()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", justify="right", no_wrap=True)
        table.add_column()
        for title, bindings in self._places.items():
            table.add_row("", f"[bold underline]{title}[/]")
            for binding in bindings:
                if isinstance(binding, Binding):
                    keys = " ".join(map(key_sign, binding.key.split(",")))
                    table.add_row(keys, binding.tooltip or binding.description)
        return table
