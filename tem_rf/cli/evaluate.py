"""`tem-rf evaluate`: table of dice scores of finished runs."""

from typing import TYPE_CHECKING, Any

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table, show_status
from tem_rf.jobs.evaluate import EvaluateRequest
from tem_rf.jobs.evaluate import evaluate as run

if TYPE_CHECKING:
    from tem_rf.evaluation.trials import Row

_COLUMNS = (
    "network", "settings", "parameters", "field_px", "field_nm", "seeds",
    "hard_dice", "soft_dice", "boundary_f1", "hausdorff95_px",
    "instance_precision", "instance_recall", "instance_f1", "mean_instance_f1", "panoptic_quality", "merged", "split",
    "calibration_error", "temperature",
)  # fmt: skip


@takes(EvaluateRequest)
def evaluate(request: EvaluateRequest, as_json: JsonFlag = False) -> None:
    """Evaluate runs on unseen images: mean ± sd over seeds, compared with Fourier filtering.

    Runs that differ only in their seed share a row. The scores of each image are written to scores.csv in the run
    folder, and the reliability of the probabilities to calibration.json, with the temperature T that is fitted on the
    validation images. ECE is the expected calibration error with it.

    Example: tem-rf evaluate au-5nm-n2-p44-paper-s752 au-5nm-n2-p44-paper-s2245
    """
    from tem_rf.evaluation.columns import COLUMNS
    from tem_rf.evaluation.table import as_records, cell, shown_columns
    from tem_rf.evaluation.trials import MethodResult

    with show_status() as on_step:
        dataset, rows = run(request, on_step=on_step)
    for row in rows:
        if isinstance(row, MethodResult):
            print_remark(f"{row.method}: {row.note}")
    if request.pictures:
        print_remark(f"{request.pictures}: overlays of the {request.split} images")
    columns = [COLUMNS[key] for key in _COLUMNS]
    if as_json:
        records = as_records(rows, columns)
        print_json([record | _of_json_only(row) for record, row in zip(records, rows, strict=True)])
        return
    shown = shown_columns(rows, columns)
    print_table(
        f"{dataset.manifest.name}: {request.split} images",
        [column.title for column in shown],
        [[cell(column, row) for column in shown] for row in rows],
    )


def _of_json_only(row: "Row") -> dict[str, Any]:
    """Return what only the JSON output includes; reliability curves by seed."""
    from tem_rf.evaluation.columns import COLUMNS
    from tem_rf.evaluation.table import as_records
    from tem_rf.evaluation.trials import MethodResult

    if isinstance(row, MethodResult):
        return {"note": row.note}
    uncalibrated = COLUMNS["uncalibrated_error"]
    reliability = {
        str(run.config.seed): {"before": run.reliability.before.curve, "after": run.reliability.after.curve}
        for run in row.scored
        if run.reliability
    }
    return {
        "recipe": row.config.training.recipe,
        "seeds": row.seeds,
        "images": row.images,
        uncalibrated.key: as_records([row], [uncalibrated])[0][uncalibrated.key],
        "reliability": reliability,
    }
