"""A table of items that is updated live."""

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from tem_rf_tui.widgets.row_table import Row, RowTable

Item = TypeVar("Item")


class LiveTable(RowTable, Generic[Item]):
    """Items by name; only changed rows are redrawn, and the cursor stays on its item."""

    TITLES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(self.TITLES, id=id)
        self._shown: dict[str, Item] = {}
        self._cells: dict[str, Row] = {}

    def name_of(self, item: Item) -> str:
        """Return the unique name of an item."""
        raise NotImplementedError

    def cells(self, item: Item) -> Row:
        """Return the text of each column."""
        raise NotImplementedError

    @property
    def chosen(self) -> Item | None:
        """The item under the cursor."""
        return self._shown.get(self.chosen_name)

    @property
    def chosen_name(self) -> str:
        """Name of the item under the cursor; empty if there is none."""
        names = list(self._shown)
        return names[self.cursor_row] if self.cursor_row < len(names) else ""

    def show(self, items: Iterable[Item]) -> None:
        """Show the current items, in this order."""
        name, before = self.chosen_name, self._shown
        self._shown = {self.name_of(item): item for item in items}
        self._cells = {  # 500 runs, twice a second
            key: self._cells[key] if before.get(key) is item else self.cells(item) for key, item in self._shown.items()
        }
        self.show_rows(list(self._cells.values()))
        self.choose(name)

    def choose(self, name: str) -> bool:
        """Move the cursor to an item; False if it is not listed."""
        if name not in self._shown:
            return False
        self.move_cursor(list(self._shown).index(name))
        return True
