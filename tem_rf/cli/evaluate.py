"""`tem-rf evaluate`: the dice table of finished runs."""

from typing import TYPE_CHECKING, Any

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table, show_status
from tem_rf.jobs.evaluate import EvaluateRequest
from tem_rf.jobs.evaluate import evaluate as run

if TYPE_CHECKING:
    from tem_rf.evaluation.table import MethodScores
    from tem_rf.metrics.summary import Spread

COLUMNS = {
    "hard_dice": "hard dice",
    "soft_dice": "soft dice",
    "boundary_f1": "boundary F1",
    "hausdorff95_px": "HD95 [px]",
}


@takes(EvaluateRequest)
def evaluate(request: EvaluateRequest, as_json: JsonFlag = False) -> None:
    """Score runs on images that they have not seen: mean ± sd over seeds, beside Fourier filtering.

    Runs that differ only in their seed share a row. The scores of each image are written to scores.csv in the run.

    Example: tem-rf evaluate au-5nm-n2-p44-paper-s752 au-5nm-n2-p44-paper-s2245
    """
    with show_status() as on_step:
        dataset, rows = run(request, on_step=on_step)
    for row in rows:
        if row.note:
            print_remark(f"{row.method}: {row.note}")
    if request.pictures:
        print_remark(f"{request.pictures}: overlays of the {request.split} images")
    if as_json:
        print_json([_as_json(row) for row in rows])
    else:
        _print(rows, f"{dataset.manifest.name}: {request.split} images", dataset.manifest.pixel_size_nm)


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
