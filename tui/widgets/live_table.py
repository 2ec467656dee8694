"""A table of things that change while one looks at it."""

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.widgets import DataTable

Item = TypeVar("Item")


class LiveTable(DataTable[Text], Generic[Item]):
    """Things by name; only cells that changed are drawn again, and the cursor stays on its row."""

    TITLES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id)
        self._shown: dict[str, Item] = {}

    def name_of(self, item: Item) -> str:
        """What tells a thing from the others."""
        raise NotImplementedError

    def cells(self, item: Item) -> tuple[str, ...]:
        """Text of each column."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Make the columns."""
        for title in self.TITLES:
            self.add_column(title, key=title)

    @property
    def chosen(self) -> Item | None:
        """What is under the cursor."""
        return self._shown.get(self.chosen_name)

    @property
    def chosen_name(self) -> str:
        """Name of what is under the cursor; empty without one."""
        names = list(self._shown)
        return names[self.cursor_row] if 0 <= self.cursor_row < len(names) else ""

    def show(self, items: Iterable[Item]) -> None:
        """Show the things as they are now, in this order."""
        name, before = self.chosen_name, self._shown
        self._shown = {self.name_of(item): item for item in items}
        if list(self._shown) != list(before):
            self.clear()
            for key, item in self._shown.items():
                self.add_row(*map(Text, self.cells(item)), key=key)
            self.choose(name)
            return
        for key, item in self._shown.items():
            if item is not before[key]:  # 500 runs, twice a second
                for title, cell, old in zip(self.TITLES, self.cells(item), self.cells(before[key]), strict=True):
                    if cell != old:
                        self.update_cell(key, title, Text(cell), update_width=True)

    def choose(self, name: str) -> bool:
        """Put the cursor on a row; False where it is not there."""
        if name not in self._shown:
            return False
        self.move_cursor(row=list(self._shown).index(name))
        return True
