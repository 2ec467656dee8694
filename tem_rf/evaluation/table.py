"""A table of results as text: for the terminal, spreadsheets, papers and scripts."""

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
    r"""Escape characters that are special in LaTeX.

    >>> print(escape_latex("n2_p44 0.9 ± 0.1"))
    n2\_p44 0.9 $\pm$ 0.1
    """
    return re.sub(r"[\\~^±–&%$#_{}]", lambda found: _SIGNS.get(found[0], f"\\{found[0]}"), text)


NOTHING = "–"


DEFAULT_COLUMNS = tuple(column for column in COLUMNS.values() if column.is_default)
"""The columns shown by default, if they have values."""


def shown_columns(rows: Sequence[Row], columns: Sequence[Column] = DEFAULT_COLUMNS) -> list[Column]:
    """The columns that have a value in at least one row."""
    return [column for column in columns if any(column.of(row) is not None for row in rows)]


def cell(column: Column, row: Row) -> str:
    """The text of a cell."""
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
    """The values of each trial by column key, as JSON types. A spread becomes mean, sd and seeds."""
    return [{"trial": row.name, **{column.key: _plain(column.of(row)) for column in columns}} for row in rows]


def as_csv(rows: Sequence[Row], columns: Sequence[Column] = DEFAULT_COLUMNS) -> str:
    """Comma-separated values in full precision. The sd of a column is in the next column, KEY_sd."""
    return csv_text([_flat(record) for record in as_records(rows, columns)])


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as comma-separated values, with the keys of the first row, which other rows may lack; None: empty cell."""
    text = io.StringIO()
    keys = list(dict.fromkeys(key for row in rows for key in row))
    table = csv.DictWriter(text, keys, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """A Markdown table with text aligned left and numbers aligned right."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells)} |"

    sides = ["---:" if _is_number(column, rows) else "---" for column in columns]
    lines = [line([column.title for column in columns]), line(sides)]
    return "\n".join(lines + [line([cell(column, row) for column in columns]) for row in rows]) + "\n"


def as_latex(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    r"""A LaTeX `tabular` with booktabs; `±` becomes `$\pm$`."""

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
