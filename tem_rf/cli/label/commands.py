"""`tem-rf label`: correct the labels of micrographs."""

import typer

from tem_rf.cli.option_names import OptionNamingGroup
from tem_rf.cli.options import takes
from tem_rf.jobs.edit_label import EditRequest

label = typer.Typer(
    cls=OptionNamingGroup,
    add_completion=False,
    help="Correct the labels of micrographs.",
    no_args_is_help=True,
)


@label.callback()
def _group() -> None:
    """Correct the labels of micrographs."""


@label.command()
@takes(EditRequest)
def edit(request: EditRequest) -> None:
    """Correct the particles of a micrograph in the terminal: accept, delete, reshape, add, split, merge, paint.

    The label is saved as an instance TIFF beside the micrograph, which Fiji, napari, QuPath and `tem-rf prepare` open.
    Every step is on disk at once: a killed session resumes, and undo has no limit.

    Example: tem-rf label edit micrographs/au_17.dm4 --model au-5nm
    """
    from tem_rf.cli.label.edit import run_editor

    run_editor(request)
