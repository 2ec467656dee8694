"""`tem-rf label`: correct the labels of micrographs, and suggest what to label next."""

import typer

from tem_rf.cli.option_names import OptionNamingGroup
from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag
from tem_rf.jobs.edit_label import EditRequest
from tem_rf.jobs.next_labels import NextRequest

label = typer.Typer(
    cls=OptionNamingGroup,
    add_completion=False,
    help="Correct the labels of micrographs, and suggest what to label next.",
    no_args_is_help=True,
)


@label.callback()
def _group() -> None:
    """Correct the labels of micrographs, and suggest what to label next."""


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


@label.command("next")
@takes(NextRequest)
def suggest(request: NextRequest, as_json: JsonFlag = False) -> None:
    """Suggest which patches to label next, and cut them out, ready to be corrected.

    Patches are ranked by the disagreement of the models, or of rotated and mirrored views, and by how unlike they are
    to what is labelled. The particles that the model finds are in model_labels/, to start from.

    Example: tem-rf label next micrographs --model au-5nm-n2-p44-best-s752 --output to_label
    """
    from tem_rf.cli.label.next import print_suggestions

    print_suggestions(request, as_json)
