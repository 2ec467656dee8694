"""`tem-rf study table`: table of the trials of a study."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tem_rf.cli.output import print_json, print_remark, print_table
from tem_rf.study.folder import DEFAULT_ROOT

if TYPE_CHECKING:
    from tem_rf.evaluation.columns import Column
    from tem_rf.evaluation.trials import Results, Row

StudyArgument = Annotated[str, typer.Argument(help="Name or folder of a study, or a folder of runs.")]
StudiesOption = Annotated[Path, typer.Option(help="Folder of the studies.")]


class Format(StrEnum):
    """Output format of the table."""

    TERMINAL = "terminal"
    CSV = "csv"
    MARKDOWN = "markdown"
    LATEX = "latex"
    JSON = "json"


def table(
    study: StudyArgument,
    sort: Annotated[
        str, typer.Option(help="Column to sort by, ascending; put a minus in front for descending order.")
    ] = "dataset",
    conditions: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help="Only trials with COLUMN=VALUE; also !=, <, <=, >, >= and ~ (contains). May be repeated.",
        ),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Columns to show, separated by commas; default: all that are informative.")
    ] = None,
    pareto: Annotated[
        bool, typer.Option("--pareto", help="Only Pareto-optimal trials: none is better in hard dice and every --cost.")
    ] = False,
    costs: Annotated[str, typer.Option("--cost", help="Cost columns, separated by commas.")] = "parameters,time_s",
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Also show methods without a network: Fourier filtering, threshold.")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.TERMINAL,
    as_json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    studies: StudiesOption = DEFAULT_ROOT,
) -> None:
    """Show the trials of a study: test scores as mean ± sd over seeds, costs and state.

    Means are over the seeds that are finished and scored; their number is shown beside them. --baseline adds methods
    without a network below, scored on the same images.

    Example: tem-rf study table fig2 --filter dataset=au-5nm --sort -hard_dice --format markdown
    """
    from tem_rf.evaluation.columns import filter_trials, find_column, sort_trials
    from tem_rf.evaluation.table import shown_columns
    from tem_rf.study.results.folder import find_results
    from tem_rf.study.results.pareto import pareto_front

    results = find_results(study, studies).read()
    trials = sort_trials(filter_trials(results.trials, conditions or []), sort)
    if pareto:
        trials = pareto_front(trials, costs=_split(costs))
    methods = []
    if baseline:
        from tem_rf.evaluation.scoring import score_methods

        methods = score_methods(trials)
    rows: list[Row] = [*trials, *methods]
    shown = [find_column(key) for key in _split(columns)] if columns else shown_columns(rows)
    title = f"{study}, trials: {len(trials)}"
    _print(title, rows, shown, Format.JSON if as_json else format_)
    print_notes(results)
    for method in methods:
        print_remark(f"{method.name}: {method.note}")


def print_notes(results: "Results") -> None:
    """Print on stderr which runs belong to no trial, and why runs failed."""
    for note in results.notes:
        print_remark(note)
    for trial in results.trials:
        for run in trial.runs:
            if run.state == "failed":
                print_remark(f"{run.run.name}: failed: {run.detail}")


def _print(title: str, rows: "list[Row]", columns: "list[Column]", format_: Format) -> None:
    from tem_rf.evaluation.table import as_csv, as_latex, as_markdown, as_records, cell

    match format_:
        case Format.TERMINAL:
            cells = [[cell(column, row) for column in columns] for row in rows]
            print_table(title, [column.title for column in columns], cells)
        case Format.CSV:
            print(as_csv(rows, columns), end="")
        case Format.MARKDOWN:
            print(as_markdown(rows, columns), end="")
        case Format.LATEX:
            print(as_latex(rows, columns), end="")
        case Format.JSON:
            print_json(as_records(rows, columns))


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
