"""`tem-rf curves`: plot loss and dice of runs."""

from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import show_status
from tem_rf.runs.root import DEFAULT_ROOT, find_run


def curves(
    run: Annotated[list[str], typer.Argument(help="Names or folders of runs, running or finished.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="PNG to write.")] = Path("curves.png"),
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
) -> None:
    """Plot loss and hard dice against epochs: one colour per network, one line per seed, training dashed.

    Example: tem-rf curves runs/au-5nm-n2-p44-* --output curves.png
    """
    folders = [find_run(name, runs) for name in run]
    with show_status("drawing"):
        from tem_rf.plots.curves import write_curves_picture

        write_curves_picture(output, folders)
    print(output)
