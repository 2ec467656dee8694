"""`tem-rf prepare`: a dataset from a folder of labelled micrographs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tem_rf import api
from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table, progress_console
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

if TYPE_CHECKING:
    from tem_rf.data.prepared import PreparedDataset


def prepare(
    micrographs: Annotated[
        list[Path], typer.Argument(help="Folders of micrographs, or of images/ and labels/ (or masks/).")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Dataset folder to write.")],
    labels: Annotated[Path | None, typer.Option(help="Folder of labels, paired by the stem of the names.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Settings of a published set: au-2.2nm, au-5nm, au-10nm, au-20nm, groschner-2021."),
    ] = None,
    patch_size: Annotated[int | None, typer.Option(help="Side of a patch in px; default 512.")] = None,
    pixel_size_nm: Annotated[
        float | None, typer.Option(help="Side of a pixel in nm, in place of what the files say.")
    ] = None,
    xray_threshold: Annotated[
        float | None, typer.Option(help="Counts above the median of an x-ray outlier; 0: off; default 1500.")
    ] = None,
    background_threshold: Annotated[
        int | None, typer.Option(help="Drop patches with at most this many particle pixels; default 400.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="micrograph (default) or study: patches in their order.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides which micrograph goes to which split; default 0.")] = None,
    normalization: Annotated[
        str | None, typer.Option(help="standard (default: mean 0, sd 1), percentile or min-max.")
    ] = None,
    flat_field_px: Annotated[
        float | None, typer.Option(help="Divide out illumination, smoothed by a Gaussian of this width in px.")
    ] = None,
    target_pixel_size_nm: Annotated[
        float | None, typer.Option(help="Rescale all micrographs to this pixel size in nm.")
    ] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Resample micrographs whose pixels are not square.")
    ] = False,
    array: ArrayOption = None,
    channel: ChannelOption = None,
    label_array: LabelArrayOption = None,
    particle: ParticleOption = None,
    background: BackgroundOption = None,
    not_sure: NotSureOption = None,
    pair: PairOption = None,
    empty_is_background: EmptyOption = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a dataset that stands there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Cut labelled micrographs into a dataset of patches, divided into training, validation and test.

    Micrographs of several folders, each with its labels, become one dataset; they must have one pixel size, or
    --target-pixel-size-nm brings them to one.

    Example: tem-rf prepare micrographs --output datasets/au-5nm --pixel-size-nm 0.02
    """
    from tem_rf.data.preparation.dataset_notes import dataset_notes

    changes: dict[str, Any] = {
        "patch_size": patch_size,
        "pixel_size_nm": pixel_size_nm,
        "xray_threshold": xray_threshold,
        "background_threshold": background_threshold,
        "split": split,
        "seed": seed,
        "normalization": normalization,
        "flat_field_px": flat_field_px,
        "target_pixel_size_nm": target_pixel_size_nm,
        "resample": resample or None,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    given |= reading_changes(
        array=array,
        channel=channel,
        label_array=label_array,
        particle=particle,
        background=background,
        not_sure=not_sure,
        pair=pair,
        empty_is_background=empty_is_background,
    )
    if xray_threshold == 0:
        given["xray_threshold"] = None
    with Progress(
        TextColumn("preparing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=progress_console(),
        transient=True,
    ) as bar:
        task = bar.add_task("preparing", total=None)
        dataset = api.prepare(
            micrographs,
            output,
            labels=labels,
            preset=preset,
            overwrite=overwrite,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            **given,
        )
    if dataset.reused:
        print_remark(f"{output}: stands already, from the same files and settings")
    notes = dataset_notes(dataset.manifest)
    for note in notes:
        print_remark(note)
    if as_json:
        print_json(_result(dataset) | {"notes": notes})
    else:
        print_table(str(output), ["split", "micrographs", "patches", "particle fraction"], _rows(dataset))


def _rows(dataset: "PreparedDataset") -> list[list[object]]:
    from tem_rf.data.preparation.splits import SPLITS

    rows: list[list[object]] = []
    for split in SPLITS:
        patches = [patch for patch in dataset.patches if patch.split == split]
        fraction = sum(patch.particle_fraction for patch in patches) / max(1, len(patches))
        micrographs = len({patch.source for patch in patches})
        rows.append([split, micrographs, len(patches), round(fraction, 3)])
    return rows


def _result(dataset: "PreparedDataset") -> dict[str, Any]:
    columns = ("split", "micrographs", "patches", "particle_fraction")
    return {
        "dataset": str(dataset.folder),
        "reused": dataset.reused,
        "pixel_size_nm": dataset.manifest.pixel_size_nm,
        "patch_size": dataset.manifest.patch_size,
        "splits": [dict(zip(columns, row, strict=True)) for row in _rows(dataset)],
    }
