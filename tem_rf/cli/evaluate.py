"""`tem-rf evaluate`: the dice table of finished runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table, show_status
from tem_rf.files import make_writable
from tem_rf.models.backend import import_keras
from tem_rf.runs.root import DEFAULT_ROOT, find_runs_of_one_dataset

if TYPE_CHECKING:
    from tem_rf.evaluation.table import MethodScores
    from tem_rf.metrics.summary import Spread

COLUMNS = {
    "hard_dice": "hard dice",
    "soft_dice": "soft dice",
    "boundary_f1": "boundary F1",
    "hausdorff95_px": "HD95 [px]",
}


def evaluate(
    run: Annotated[list[str], typer.Argument(help="Names or folders of runs on one dataset.")],
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    split: Annotated[Literal["train", "validation", "test"], typer.Option(help="Which images.")] = "test",
    baseline: Annotated[
        bool,
        typer.Option("--baseline/--no-baseline", help="Also segment without a network: Fourier filtering, threshold."),
    ] = True,
    lattice_spacing_nm: Annotated[
        float | None, typer.Option(help="Lattice spacing for Fourier filtering; default: found in the images.")
    ] = None,
    transforms: Annotated[
        int, typer.Option(min=1, max=8, help="8: score each image in its eight turns and mirrors, as the study does.")
    ] = 1,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for overlays of the images: outline, missed, invented.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Score runs on the images they never saw: mean ± sd over seeds, beside Fourier filtering.

    Runs that differ in nothing but their seed share a row. The scores of each image go to scores.csv in the run.

    Example: tem-rf evaluate au-5nm-n2-p44-paper-s752 au-5nm-n2-p44-paper-s2245
    """
    folders = find_runs_of_one_dataset(run, runs)
    if pictures:
        make_writable(pictures)

    import_keras()
    from tem_rf.evaluation.table import dice_table
    from tem_rf.runs.dataset import open_training_data

    dataset = open_training_data(folders[0].config)
    with show_status() as on_step:
        rows = dice_table(
            folders,
            dataset,
            split=split,
            transforms=transforms,
            pictures=pictures,
            baseline=baseline,
            lattice_spacing_nm=lattice_spacing_nm,
            on_step=on_step,
        )
    for row in rows:
        if row.note:
            print_remark(f"{row.method}: {row.note}")
    if pictures:
        print_remark(f"{pictures}: overlays of the {split} images")
    if as_json:
        print_json([_as_json(row) for row in rows])
    else:
        _print(rows, f"{dataset.manifest.name}: {split} images", dataset.manifest.pixel_size_nm)


def _print(rows: "list[MethodScores]", title: str, pixel_size_nm: float | None) -> None:
    def field(row: "MethodScores") -> str:
        pixels = row.receptive_field_px
        if pixels is None:
            return ""
        return f"{pixels} px" if pixel_size_nm is None else f"{pixels} px {pixels * pixel_size_nm:.2f} nm"

    print_table(
        title,
        ["method", "weights", "field", "seeds", *COLUMNS.values()],
        [
            [
                row.method,
                row.parameters or "",
                field(row),
                len(row.seeds) if row.seeds else "",
                *(_cell(row.scores.get(metric)) for metric in COLUMNS),
            ]
            for row in rows
        ],
    )


def _cell(spread: "Spread | None") -> str:
    if spread is None:
        return "–"
    return f"{spread.mean:.3f}" + (f" ± {spread.sd:.3f}" if spread.sd is not None else "")


def _as_json(row: "MethodScores") -> dict[str, Any]:
    """What only networks have is left out of the row of another method."""
    known = {name: value for name, value in vars(row).items() if value is not None}
    return {**known, "scores": {metric: vars(spread) for metric, spread in row.scores.items()}}
