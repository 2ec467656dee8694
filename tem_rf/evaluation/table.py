"""A table of results as text: for people, spreadsheets, papers and scripts."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from tem_rf.evaluation.columns import COLUMNS, Column, Value
from tem_rf.evaluation.trials import Row, TrialResult
from tem_rf.metrics.summary import Spread

_SIGNS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--"}


def escape_latex(text: str) -> str:
    r"""Escape what LaTeX would interpret.

    >>> print(escape_latex("n2_p44 0.9 ± 0.1"))
    n2\_p44 0.9 $\pm$ 0.1
    """
    return re.sub(r"[\\~^±–&%$#_{}]", lambda found: _SIGNS.get(found[0], f"\\{found[0]}"), text)


NOTHING = "–"


DEFAULT_COLUMNS = tuple(column for column in COLUMNS.values() if column.is_default)
"""The columns that a table has unasked, where they say something."""


def shown_columns(rows: Sequence[Row], columns: Sequence[Column] = DEFAULT_COLUMNS) -> list[Column]:
    """The columns that say something of one of the rows at least."""
    return [column for column in columns if any(column.of(row) is not None for row in rows)]


def cell(column: Column, row: Row) -> str:
    """What stands in a cell, for people."""
    value = column.of(row)
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value
    if isinstance(value, Spread):
        mean = f"{value.mean:.{column.digits}f}"
        few = ""
        if isinstance(row, TrialResult) and value.seeds < len(row.scored):
            few = f" ({value.seeds} of {len(row.scored)})"
        return mean + ("" if value.sd is None else f" ± {value.sd:.{column.digits}f}") + few
    return f"{value:,.{column.digits}f}"


def as_records(rows: Sequence[Row], columns: Sequence[Column] = DEFAULT_COLUMNS) -> list[dict[str, Any]]:
    """The values of each trial by the keys of the columns, as JSON types; a spread is mean, sd and seeds."""
    return [{"trial": row.name, **{column.key: _plain(column.of(row)) for column in columns}} for row in rows]


def as_csv(rows: Sequence[Row], columns: Sequence[Column] = DEFAULT_COLUMNS) -> str:
    """Comma-separated values in full precision; the sd of a column stands beside it as KEY_sd."""
    return csv_text([_flat(record) for record in as_records(rows, columns)])


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """Comma-separated values of rows with the same or fewer keys than the first; None is an empty cell."""
    text = io.StringIO()
    keys = list(dict.fromkeys(key for row in rows for key in row))
    table = csv.DictWriter(text, keys, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """A table in Markdown; texts stand to the left, numbers to the right."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells)} |"

    sides = ["---:" if _is_number(column, rows) else "---" for column in columns]
    lines = [line([column.title for column in columns]), line(sides)]
    return "\n".join(lines + [line([cell(column, row) for column in columns]) for row in rows]) + "\n"


def as_latex(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    r"""A `tabular` for LaTeX with booktabs; `±` becomes `$\pm$`."""

    def line(cells: Sequence[str]) -> str:
        return f"{' & '.join(map(escape_latex, cells))} \\\\"

    sides = "".join("r" if _is_number(column, rows) else "l" for column in columns)
    lines = [f"\\begin{{tabular}}{{{sides}}}", "\\toprule", line([column.title for column in columns]), "\\midrule"]
    lines += [line([cell(column, row) for column in columns]) for row in rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def _plain(value: Value) -> Any:
    return {"mean": value.mean, "sd": value.sd, "seeds": value.seeds} if isinstance(value, Spread) else value


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        flat |= {key: value["mean"], f"{key}_sd": value["sd"]} if isinstance(value, dict) else {key: value}
    return flat


def _is_number(column: Column, rows: Sequence[Row]) -> bool:
    return not any(isinstance(column.of(row), str) for row in rows)
