"""How commands print: results on stdout (a table for people, JSON for scripts), progress on stderr."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def progress_console() -> Console:
    """Console on stderr, for progress and remarks."""
    return Console(stderr=True)


def print_json(content: Any) -> None:
    """Print a result for scripts."""
    print(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table for people; the first column is text, the others are numbers and stand to the right."""
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*map(str, row))
    Console().print(table)
