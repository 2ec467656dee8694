"""How commands print: results on stdout (a table for people, JSON for scripts), progress on stderr."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_LONGEST_WORD = 24  # a path longer than this is folded
_FILE_WIDTH = 240

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def progress_console() -> Console:
    """Console on stderr, for progress and remarks."""
    return Console(stderr=True)


def print_remark(text: str) -> None:
    """Print a line on stderr as it is: names may hold brackets, and a line is one in a pipe too."""
    progress_console().print(text, highlight=False, markup=False, soft_wrap=True)


def print_json(content: Any) -> None:
    """Print a result for scripts."""
    print(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table for people; the first column is text, the others are numbers and stand to the right.

    Nothing is cut: cells break between words in a terminal, and in a file the table is as wide as it needs.
    """
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        words = [word for cell in (column, *(str(row[index]) for row in rows)) for word in cell.split()]
        table.add_column(
            escape(column),
            justify="left" if index == 0 else "right",
            overflow="fold",
            min_width=min(max(map(len, words), default=0), _LONGEST_WORD),
        )
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=_FILE_WIDTH)).print(table)
