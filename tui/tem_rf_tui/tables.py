"""A table as text for other programs."""

import csv
import io
from collections.abc import Sequence

from tem_rf.study.results.table import escape_latex


def as_markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""A table for Markdown.

    >>> print(as_markdown(["run", "dice"], [["a|b", "0.9"]]))
    | run | dice |
    | --- | --- |
    | a\|b | 0.9 |
    """
    lines = [columns, ["---"] * len(columns), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for spreadsheets."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()


def as_latex(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""A table for LaTeX.

    >>> print(as_latex(["run"], [["a_b^{2}: 0.9 ± 0.1"]]).splitlines()[2])
    a\_b\textasciicircum{}\{2\}: 0.9 $\pm$ 0.1 \\
    """
    lines = [" & ".join(map(escape_latex, line)) + r" \\" for line in (columns, *rows)]
    return "\n".join([rf"\begin{{tabular}}{{{'l' * len(columns)}}}", *lines, r"\end{tabular}"])
