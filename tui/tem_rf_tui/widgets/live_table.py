"""A table of items that is updated live, and can be filtered and sorted."""

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from tem_rf_tui.widgets.row_table import Row, RowTable
from tem_rf_tui.wording import has_words

Item = TypeVar("Item")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class LiveTable(RowTable, Generic[Item]):
    """Items by name; only changed rows are redrawn, and the cursor stays on its item."""

    TITLES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(self.TITLES, id=id)
        self._items: Sequence[Item] = ()
        self._shown: dict[str, Item] = {}
        self._cells: dict[str, tuple[Item, Row]] = {}
        self._words = ""
        self._sort: int | None = None  # column; None: in the order given
        self._is_descending = False

    def name_of(self, item: Item) -> str:
        """Return the unique name of an item."""
        raise NotImplementedError

    def cells(self, item: Item) -> Row:
        """Return the text of each column."""
        raise NotImplementedError

    def more_words(self, item: Item) -> str:
        """Return text to search for the words of the filter, beside the cells."""
        return ""

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
        """Show the current items, in this order unless another is chosen."""
        name, before = self.chosen_name, self._cells
        self._items = list(items)
        self._cells = {}
        for item in self._items:  # 500 runs, twice a second
            key = self.name_of(item)
            kept = before.get(key)
            self._cells[key] = kept if kept is not None and kept[0] is item else (item, self.cells(item))
        self._arrange(name)

    def filter(self, words: str) -> None:
        """Show only items with all these words."""
        self._words = words
        self._arrange(self.chosen_name)

    def sort_by(self, column: int | None, *, is_descending: bool = False) -> None:
        """Sort by a column; None: in the order given."""
        self._sort, self._is_descending = column, is_descending
        self._arrange(self.chosen_name)

    def next_sort(self) -> None:
        """Sort by the next column; after the last, in the order given."""
        column = 0 if self._sort is None else self._sort + 1
        self.sort_by(column if column < len(self.TITLES) else None, is_descending=self._is_descending)

    def reverse(self) -> None:
        """Reverse the order, if sorted by a column."""
        self.sort_by(self._sort, is_descending=not self._is_descending)

    def choose(self, name: str) -> bool:
        """Move the cursor to an item; False if it is not listed."""
        if name not in self._shown:
            return False
        self.move_cursor(list(self._shown).index(name))
        return True

    def redraw_item(self, name: str) -> None:
        """Draw an item again, whose cells depend on something else that has changed."""
        if name in self._cells:
            item, _ = self._cells[name]
            self._cells[name] = (item, self.cells(item))
            self._arrange(self.chosen_name)

    def on_row_table_title_selected(self, event: RowTable.TitleSelected) -> None:
        """Sort by the column whose title was clicked; reverse the order if it is the current one."""
        event.stop()
        self.sort_by(event.column, is_descending=event.column == self._sort and not self._is_descending)

    def _arrange(self, name: str) -> None:
        """Show the items that pass the filter, in the chosen order, with the cursor on an item."""
        shown = [(key, item, row) for key, (item, row) in self._cells.items() if self._passes(item, row)]
        titles = list(self.TITLES)
        if self._sort is not None:
            column = self._sort
            shown.sort(key=lambda each: _natural(each[2][column]), reverse=self._is_descending)
            titles[column] += " ▼" if self._is_descending else " ▲"
        self._shown = {key: item for key, item, _ in shown}
        self.show_rows([row for _, _, row in shown], titles)
        self.choose(name)

    def _passes(self, item: Item, row: Row) -> bool:
        return not self._words or has_words(f"{' '.join(row)} {self.more_words(item)}", self._words)


def _natural(text: str) -> tuple[tuple[int, float, str], ...]:
    """Return a key that sorts numbers within a text by their value, and nothing before everything.

    >>> sorted(["run-10", "run-9", ""], key=_natural)
    ['', 'run-9', 'run-10']
    """
    key: list[tuple[int, float, str]] = []
    end = 0
    for match in _NUMBER.finditer(text):
        key += [(1, 0.0, text[end : match.start()]), (0, float(match[0]), "")]
        end = match.end()
    return (*key, (1, 0.0, text[end:])) if text else ()
