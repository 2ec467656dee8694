"""How commands print: results on stdout (a table, or JSON for scripts), progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tem_rf.cli.option_names import with_option_names

_LONGEST_WORD = 24  # longer paths are folded
_LINES = box.HEAVY_HEAD

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def progress_console() -> Console:
    """Return a console on stderr, for progress and remarks."""
    return Console(stderr=True)


def print_remark(text: str, console: Console | None = None, *, style: str | None = None) -> None:
    """Print a line on stderr, with settings as options and without markup, because names may contain brackets.

    It stays one line in a pipe too.

    Args:
        text: The line.
        console: Console of the progress bar or status being shown, to print above it.
        style: Style of the whole line.
    """
    line = with_option_names(text)
    (console or progress_console()).print(line, style=style, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def show_status(text: str = "", console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """Show the current step on stderr, without markup; yields a function that shows the next step."""
    with (console or progress_console()).status(Text(text)) as status:
        yield lambda text: status.update(Text(text))


@contextmanager
def show_progress(text: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr; yields a function that takes the numbers done and in total."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with Progress(*columns, console=progress_console()) as bars:
        task = bars.add_task(text, total=total)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def print_json(content: Any) -> None:
    """Print a result for scripts."""
    print(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def print_json_line(content: Any) -> None:
    """Print one of several results for scripts, as one line that a reader gets at once."""
    file = getattr(sys.stdout, "rich_proxied_file", sys.stdout)  # not stderr, to which a status or bar redirects
    print(json.dumps(content, ensure_ascii=False, default=str), file=file, flush=True)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; the first column is text, the others are numbers, aligned right.

    Nothing is truncated. In a file the table is as wide as it needs to be. In a terminal, cells wrap between words; if
    that is not enough, the lines between cells are dropped; and if that is not enough either, each row becomes a block
    of names and values.
    """
    texts = [[str(cell) for cell in row] for row in rows]
    console = Console()
    if not console.is_terminal:
        console.width = max(_width(_unbroken_widths(columns, texts), _LINES), cell_len(title))
    if title:
        console.print(title, style="table.title", highlight=False, markup=False)
    for lines in (_LINES, None):
        widths = _widths(columns, texts, lines, console.width)
        if widths:
            console.print(_table(columns, texts, lines, widths))
            return
    for row in texts:
        console.print(_block(columns, row))


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], lines: box.Box | None, console_width: int
) -> list[int] | None:
    """Widths of the columns; columns that must wrap share one width. None if their words do not fit."""
    columns_words = [[word for cell in cells for word in cell.split()] for cells in zip(columns, *rows, strict=True)]
    narrowest = [min(max(map(cell_len, words), default=0), _LONGEST_WORD) for words in columns_words]
    for limit in range(console_width, -1, -1):
        widths = [
            max(low, min(high, limit)) for low, high in zip(narrowest, _unbroken_widths(columns, rows), strict=True)
        ]
        if _width(widths, lines) <= console_width:
            return widths
    return None


def _unbroken_widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Widths of the columns without wrapping."""
    return [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]


def _width(widths: Sequence[int], lines: box.Box | None) -> int:
    """Width of the whole table: a space on either side of each cell, plus lines if there are any."""
    return sum(widths) + (3 * len(widths) + 1 if lines else 2 * len(widths) - 2)


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], lines: box.Box | None, widths: Sequence[int]
) -> Table:
    table = Table(box=lines, pad_edge=lines is not None)
    for index, (column, width) in enumerate(zip(columns, widths, strict=True)):
        table.add_column(escape(column), justify="left" if index == 0 else "right", overflow="fold", width=width)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _block(columns: Sequence[str], row: Sequence[str]) -> Table:
    """One line per non-empty cell, followed by an empty line."""
    block = Table.grid(padding=(0, 2, 0, 0))
    block.add_column(overflow="fold", style="bold")
    block.add_column(overflow="fold")
    for column, cell in zip(columns, row, strict=True):
        if cell:
            block.add_row(escape(column), escape(cell))
    block.add_row()
    return block
