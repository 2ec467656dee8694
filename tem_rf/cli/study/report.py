"""`tem-rf study report`: report page and figures of a study."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_remark, show_status
from tem_rf.cli.study.table import StudiesOption, StudyArgument, print_notes
from tem_rf.models.backend import import_keras
from tem_rf.study.folder import DEFAULT_ROOT


def report(
    study: StudyArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Output folder; default: report/ in the study folder.")
    ] = None,
    figures: Annotated[
        list[str] | None, typer.Option("--figure", help="Write only this figure, without the page; may be repeated.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the figures that need networks to be run on images.")
    ] = False,
    as_json: JsonFlag = False,
    studies: StudiesOption = DEFAULT_ROOT,
) -> None:
    """Write report.html, a self-contained page, and each figure as PNG, SVG and CSV beside it.

    Figures that need networks to be run on images are cached, and redrawn only if their runs have changed.

    Example: tem-rf study report fig2 --quick
    """
    from tem_rf.study.figures.catalogue import find_figures
    from tem_rf.study.results.folder import find_results

    found = find_results(study, studies)
    folder = output or found.report_folder
    entries = [entry for entry in find_figures(figures or []) if not (quick and entry.needs_networks)]
    with show_status("reading the runs") as on_step:
        results = found.read()
        if any(entry.needs_networks for entry in entries):
            import_keras()
        from tem_rf.study.figures.catalogue import write_figure
        from tem_rf.study.report import write_report

        if figures:
            written = [write_figure(folder, entry, results) for entry in entries]
            files = [str(folder / f"{figure.name}.png") for figure in written if not figure.is_left_out]
            left_out = {figure.name: figure.text for figure in written if figure.is_left_out}
        else:
            page = write_report(
                results,
                folder,
                study=study,
                table_command=f"tem-rf study table {shlex.quote(study)}",
                figure_command=lambda name: f"tem-rf study report {shlex.quote(study)} --figure {name}",
                figures=entries,
                progress=lambda title: on_step(title.lower()),
            )
            files, left_out = [str(page)], {}
    print_notes(results)
    for name, reason in left_out.items():
        print_remark(f"{name}: left out: {reason}")
    if as_json:
        print_json({"files": files, "left_out": left_out})
        return
    for file in files:
        print(file)
