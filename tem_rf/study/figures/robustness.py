"""Where the networks may be used: the maps of dice that `tem-rf trust` recorded of the runs."""

from tem_rf.errors import ModelError
from tem_rf.evaluation.trials import Results, RunResult
from tem_rf.plots.robustness import draw_robustness
from tem_rf.study.figures.base import NothingToShowError, Row, StudyFigure
from tem_rf.trust.record import TrustRecord

_SHOWN = 4  # runs side by side; all are in the numbers


def robustness_maps(results: Results) -> StudyFigure:
    """A column per run that was tried with `tem-rf trust`.

    Raises:
        NothingToShowError: None was.
    """
    records = [
        (run, record)
        for trial in results.trials
        for run in trial.runs
        if (record := _record_of(run)) is not None and record.maps
    ]
    if not records:
        raise NothingToShowError("No run has a record of when to trust its masks; make one with `tem-rf trust`.")
    records.sort(key=lambda one: -(one[0].best.validation_hard_dice if one[0].best else 0.0))
    rows = [row for run, record in records for row in _rows(run.run.name, record)]
    shown = [(run.run.name, record.maps) for run, record in records[:_SHOWN]]
    return StudyFigure(
        "Mean dice of masks under other conditions, as recorded by `tem-rf trust`; orange and brown below 0.7. At most "
        f"{_SHOWN} runs are drawn, those of best validation dice.",
        rows,
        lambda: draw_robustness(shown),
    )


def _record_of(run: RunResult) -> TrustRecord | None:
    try:
        return TrustRecord.read(run.run.path)
    except ModelError:  # damaged; the command that uses it reports that
        return None


def _rows(name: str, record: TrustRecord) -> list[Row]:
    return [
        {
            "run": name,
            "condition": one.rows,
            "value": row_value if one.rows else None,
            "by": one.columns,
            "by_value": column_value,
            "dice": dice,
            "images": one.images,
        }
        for one in record.maps
        for row_value, values in zip(one.row_values, one.dice, strict=True)
        for column_value, dice in zip(one.column_values, values, strict=True)
    ]
