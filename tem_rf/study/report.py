"""Write a self-contained report page with table, figures and findings."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tem_rf.evaluation.table import as_csv, cell, shown_columns
from tem_rf.evaluation.trials import Results
from tem_rf.files import write_text
from tem_rf.study.figures.catalogue import Entry, WrittenFigure, write_figure
from tem_rf.study.results.comparison import find_best

PAGE, TABLE = "report.html", "table.csv"

_TEMPLATE = "report.html.j2"  # beside this module
_MAX_ROWS = 60  # maximum rows of a figure's numbers on the page; all of them are in its CSV

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Section:
    """A figure as the template shows it.

    Attributes:
        figure: The figure.
        command: The command that makes it.
        picture: Its PNG as a data URI; empty where it is left out.
        downloads: Its SVG and CSV as data URIs, by their names.
        numbers: Lines of its CSV, the heading first; none where they are too many.
    """

    figure: WrittenFigure
    command: str
    picture: str = ""
    downloads: tuple[tuple[str, str], ...] = ()
    numbers: tuple[tuple[str, ...], ...] = ()


def write_report(
    results: Results,
    folder: Path,
    *,
    study: str,
    table_command: str,
    figure_command: Callable[[str], str],
    figures: Sequence[Entry],
    progress: Progress | None = None,
) -> Path:
    """Write the figures, the table and the page.

    Args:
        results: The trials.
        folder: Where report.html and the files of the figures go.
        study: What the study is called.
        table_command: The command that prints the table.
        figure_command: Gives the command that makes a figure, by the name of the figure.
        figures: The figures to make.
        progress: Called with the title of each figure before it is made.

    Returns:
        The page.

    Raises:
        StorageError: The place cannot be written to.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    sections = []
    for entry in figures:
        if progress:
            progress(entry.title)
        sections.append(_section(folder, write_figure(folder, entry, results), figure_command(entry.name)))
    columns = shown_columns(results.trials)
    write_text(folder / TABLE, as_csv(results.trials))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template(_TEMPLATE).render(
        study=study,
        trials=results.trials,
        columns=columns,
        cells=[[cell(column, trial) for column in columns] for trial in results.trials],
        table_command=table_command,
        table_file=(TABLE, _data_uri(folder / TABLE)),
        findings=find_best(results),
        notes=[*results.notes, *_failures(results)],
        sections=sections,
    )
    write_text(folder / PAGE, page)
    return folder / PAGE


def _section(folder: Path, figure: WrittenFigure, command: str) -> Section:
    if figure.is_left_out:
        return Section(figure, command)
    picture, drawing, numbers = (folder / f"{figure.name}.{suffix}" for suffix in ("png", "svg", "csv"))
    return Section(
        figure,
        command,
        picture=_data_uri(picture),
        downloads=tuple((file.name, _data_uri(file)) for file in (drawing, numbers)),
        numbers=_numbers(numbers),
    )


def _numbers(path: Path) -> tuple[tuple[str, ...], ...]:
    import csv

    with path.open(newline="", encoding="utf-8") as file:
        lines = [tuple(_rounded(text) for text in line) for line in csv.reader(file)]
    return tuple(lines) if len(lines) <= _MAX_ROWS + 1 else ()


def _rounded(text: str) -> str:
    """Four decimals are enough on a page."""
    try:
        return f"{float(text):.4f}" if "." in text else text
    except ValueError:
        return text


def _failures(results: Results) -> list[str]:
    return [
        f"{run.run.name}: {run.state}" + (f": {run.detail}" if run.detail else "")
        for trial in results.trials
        for run in trial.runs
        if not run.scores
    ]


def _data_uri(path: Path) -> str:
    kinds = {".png": "image/png", ".svg": "image/svg+xml", ".csv": "text/csv"}
    return f"data:{kinds[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
