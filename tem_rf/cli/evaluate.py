"""`tem-rf evaluate`: the dice table of finished runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table, show_status
from tem_rf.files import make_writable
from tem_rf.models.backend import import_keras
from tem_rf.runs.root import DEFAULT_ROOT, find_runs_of_one_dataset

if TYPE_CHECKING:
    from tem_rf.evaluation.trials import Row

_COLUMNS = (
    "network", "settings", "parameters", "field_px", "field_nm", "seeds",
    "hard_dice", "soft_dice", "boundary_f1", "hausdorff95_px",
)  # fmt: skip


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
        Path | None, typer.Option(help="Folder for overlays of the images: outline, false negatives, false positives.")
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
    from tem_rf.evaluation.columns import COLUMNS
    from tem_rf.evaluation.scoring import score_runs
    from tem_rf.evaluation.table import as_records, cell, shown_columns
    from tem_rf.evaluation.trials import MethodResult
    from tem_rf.runs.dataset import open_training_data

    dataset = open_training_data(folders[0].config)
    with show_status() as on_step:
        rows = score_runs(
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
        if isinstance(row, MethodResult):
            print_remark(f"{row.method}: {row.note}")
    if pictures:
        print_remark(f"{pictures}: overlays of the {split} images")
    columns = [COLUMNS[key] for key in _COLUMNS]
    if as_json:
        records = as_records(rows, columns)
        print_json([record | _of_json_only(row) for record, row in zip(records, rows, strict=True)])
        return
    shown = shown_columns(rows, columns)
    print_table(
        f"{dataset.manifest.name}: {split} images",
        [column.title for column in shown],
        [[cell(column, row) for column in shown] for row in rows],
    )


def _of_json_only(row: "Row") -> dict[str, Any]:
    """What the table for people has no room for."""
    from tem_rf.evaluation.trials import MethodResult

    if isinstance(row, MethodResult):
        return {"note": row.note}
    return {"recipe": row.config.training.recipe, "seeds": row.seeds, "images": row.images}
