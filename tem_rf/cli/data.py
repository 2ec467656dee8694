"""`tem-rf data`: look at micrographs, labels and datasets, and fetch the published ones."""

from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import JsonFlag
from tem_rf.cli.reading_options import (
    ArrayOption,
    BackgroundOption,
    ChannelOption,
    EmptyOption,
    LabelArrayOption,
    NotSureOption,
    PairOption,
    ParticleOption,
    reading_changes,
)

data = typer.Typer(help="Check, inspect and fetch data.", no_args_is_help=True)

PixelSize = Annotated[
    float | None, typer.Option("--pixel-size-nm", min=1e-5, help="Side of a pixel in nm, in place of what files say.")
]


@data.command()
def check(
    folder: Annotated[
        Path, typer.Argument(help="Micrographs: a folder, one with images/ and labels/ (or masks/), or a file.")
    ],
    labels: Annotated[
        Path | None, typer.Option(help="Labels, where they stand elsewhere: a folder or a COCO file.")
    ] = None,
    pixel_size_nm: PixelSize = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Make pixels square, as `tem-rf prepare --resample` does.")
    ] = False,
    array: ArrayOption = None,
    channel: ChannelOption = None,
    label_array: LabelArrayOption = None,
    particle: ParticleOption = None,
    background: BackgroundOption = None,
    not_sure: NotSureOption = None,
    pair: PairOption = None,
    empty_is_background: EmptyOption = False,
    as_json: JsonFlag = False,
) -> None:
    """List what pairs, what does not and why, and the pixel sizes, before anything is prepared.

    Ends with exit code 1 when something is wrong.

    Example: tem-rf data check sintering --pixel-size-nm 0.2
    """
    from tem_rf.cli.data_check import print_check
    from tem_rf.config.reading import reading_settings

    reading = reading_settings(
        **reading_changes(
            array=array,
            channel=channel,
            label_array=label_array,
            particle=particle,
            background=background,
            not_sure=not_sure,
            pair=pair,
            empty_is_background=empty_is_background,
        )
    )
    if not print_check(folder, labels, pixel_size_nm, resample, as_json, reading):
        raise typer.Exit(1)


@data.command()
def fetch(
    name: Annotated[str | None, typer.Argument(help="Published set; without a name they are listed.")] = None,
    out: Annotated[Path, typer.Option(help="Folder to put it in; NAME is added.")] = Path("data"),
    file: Annotated[list[str] | None, typer.Option(help="File of the record, where its name does not tell.")] = None,
    api: Annotated[str, typer.Option(help="Address of Zenodo's API.", hidden=True)] = "https://zenodo.org/api",
    as_json: JsonFlag = False,
) -> None:
    """Download a published set, verified by checksum; a broken connection is taken up where it broke.

    Example: tem-rf data fetch au-5nm --out data
    """
    from tem_rf.cli.data_fetch import fetch_set, list_sets

    if name is None:
        list_sets(as_json)
    else:
        fetch_set(name, out, tuple(file or ()), api, as_json)


@data.command()
def inspect(
    dataset: Annotated[Path, typer.Argument(help="Prepared dataset folder.")],
    picture: Annotated[Path | None, typer.Option(help="PNG to write; default: inspection.png in the dataset.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Report balance, contrast, particle diameters and lattice fringes of a dataset, as a table and a picture.

    Example: tem-rf data inspect datasets/au-5nm
    """
    from tem_rf.cli.data_inspect import print_inspection

    print_inspection(dataset, picture, as_json)
