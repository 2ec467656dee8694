"""Tables drawn a row at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tem_rf_tui.widgets.row_table import RowTable
from tests.helpers.app import until

ROWS = [(f"run-{number}", "é" * (number % 3), "x" * 90) for number in range(100)]


class TableApp(App[None]):
    """A table by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[int | str] = []

    def compose(self) -> ComposeResult:
        yield RowTable(("name", "text", "much"))

    def on_row_table_row_highlighted(self, event: RowTable.RowHighlighted) -> None:
        self.told.append(event.table.cursor_row)

    def on_row_table_row_selected(self, event: RowTable.RowSelected) -> None:
        self.told.append(f"open {event.table.cursor_row}")

    def on_row_table_title_selected(self, event: RowTable.TitleSelected) -> None:
        self.told.append(f"title {event.column}")


Script = Callable[[TableApp, Pilot[None], RowTable], Awaitable[None]]


def _drive(script: Script, rows: Sequence[tuple[str, ...]] = ROWS) -> None:
    async def run() -> None:
        app = TableApp()
        async with app.run_test(size=(40, 12)) as pilot:
            table = app.query_one(RowTable)
            table.show_rows(rows)
            table.focus()
            await pilot.pause()
            await script(app, pilot, table)

    asyncio.run(run())


def _lines(table: RowTable) -> list[str]:
    return [table.render_line(y).text for y in range(table.size.height)]


@pytest.mark.parametrize(("keys", "row"), [("down down up", 1), ("end", 99), ("end home", 0), ("end down", 99)])
def test_the_cursor_stays_in_sight_below_the_head(keys: str, row: int) -> None:
    async def script(app: TableApp, pilot: Pilot[None], table: RowTable) -> None:
        await pilot.press(*keys.split())
        await pilot.pause()
        assert table.cursor_row == row
        head, *lines = _lines(table)
        assert head.startswith(" name")
        assert any(line.startswith(f" run-{row} ") for line in lines)

    _drive(script)


def test_a_page_is_what_is_seen() -> None:
    async def script(app: TableApp, pilot: Pilot[None], table: RowTable) -> None:
        await pilot.press("pagedown")
        assert 5 < table.cursor_row <= 11
        await pilot.press("pageup")
        assert table.cursor_row == 0

    _drive(script)


def test_text_too_long_loses_its_middle_so_that_all_columns_are_seen() -> None:
    async def script(app: TableApp, pilot: Pilot[None], table: RowTable) -> None:
        line = _lines(table)[1]
        assert table.max_scroll_x == 0
        assert "first…" in line.replace("x", "")
        assert line.rstrip().endswith("last")

    rows = [("run-0", "", f"first{'x' * 90}last")]
    _drive(script, rows=rows)
    _drive(script, rows=rows * 100)


def test_columns_to_the_right_come_into_sight() -> None:
    async def script(app: TableApp, pilot: Pilot[None], table: RowTable) -> None:
        table.show_rows([tuple(15 * letter for letter in "abc")] * 100)
        assert "much" in _lines(table)[0]
        await until(pilot, lambda: table.max_scroll_x > 0)  # the layout knows the wider rows
        await pilot.press("right")
        await until(pilot, lambda: not _lines(table)[0].startswith(" name"))
        await pilot.press("left")
        await until(pilot, lambda: _lines(table)[0].startswith(" name"))

    _drive(script)


def test_the_mouse_takes_rows_opens_the_one_taken_and_takes_titles() -> None:
    async def script(app: TableApp, pilot: Pilot[None], table: RowTable) -> None:
        app.told.clear()
        for place in ((3, 4), (3, 4), (12, 0)):
            await pilot.click(RowTable, offset=place)
        await pilot.pause()
        assert app.told == [3, "open 3", "title 1"]

    _drive(script)


def test_rows_that_go_leave_the_cursor_on_the_last() -> None:
    async def script(app: TableApp, pilot: Pilot[None], table: RowTable) -> None:
        await pilot.press("end")
        table.show_rows(ROWS[:3])
        assert table.cursor_row == 2
        table.show_rows([])
        await pilot.press("enter", "down")
        assert table.cursor_row == 0
        assert "open 0" not in app.told

    _drive(script)


def test_only_another_row_under_the_cursor_is_told() -> None:
    async def script(app: TableApp, pilot: Pilot[None], table: RowTable) -> None:
        app.told.clear()
        table.show_rows([ROWS[0], *reversed(ROWS[1:])])
        await pilot.pause()
        assert app.told == []
        table.show_rows([("other", "", ""), *ROWS[1:]])
        await pilot.pause()
        assert app.told == [0]

    _drive(script)
