"""`tem-rf data`: check micrographs and labels, inspect datasets, fetch published data."""

from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.option_names import OptionNamingGroup
from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag
from tem_rf.jobs.check import CheckRequest
from tem_rf.jobs.fetch import FetchRequest

data = typer.Typer(
    cls=OptionNamingGroup,
    add_completion=False,
    help="Check micrographs and labels, inspect datasets, fetch published data.",
    no_args_is_help=True,
)


@data.command()
@takes(CheckRequest)
def check(request: CheckRequest, as_json: JsonFlag = False) -> None:
    """Check the pairs of micrographs and labels in a folder, and their pixel sizes, before preparing a dataset.

    Files without a partner are listed with the reason.

    The exit code is 1 if something is wrong.

    Example: tem-rf data check sintering --pixel-size-nm 0.2
    """
    from tem_rf.cli.data.check import print_check

    if not print_check(request, as_json):
        raise typer.Exit(1)


@data.command()
@takes(FetchRequest)
def fetch(request: FetchRequest, as_json: JsonFlag = False) -> None:
    """Fetch a published dataset and verify its checksums; if interrupted, the same command resumes.

    Without a name, the available datasets are listed.

    Example: tem-rf data fetch au-5nm --out data
    """
    from tem_rf.cli.data.fetch import fetch_set, list_sets

    if "name" in request.model_fields_set:
        fetch_set(request, as_json)
    else:
        list_sets(as_json)


@data.command()
def inspect(
    dataset: Annotated[Path, typer.Argument(help="Folder of a prepared dataset.")],
    picture: Annotated[
        Path | None, typer.Option(help="PNG to write; default: inspection.png in the dataset folder.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Report class balance, contrast, particle diameters and lattice fringes of a dataset, as a table and a picture.

    Example: tem-rf data inspect datasets/au-5nm
    """
    from tem_rf.cli.data.inspect import print_inspection

    print_inspection(dataset, picture, as_json)
