"""`tem-rf trust`: try a model under many conditions, so that it reports when not to trust its masks."""

from typing import TYPE_CHECKING

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_table, show_status
from tem_rf.jobs.trust import TrustRequest, record_trust

if TYPE_CHECKING:
    from tem_rf.trust.record import DiceMap, TrustRecord


@takes(TrustRequest)
def trust(request: TrustRequest, as_json: JsonFlag = False) -> None:
    """Try a model on labelled images of many conditions, and keep in its folder which dice to expect.

    Afterwards `tem-rf segment` reports the expected dice of every image, flags masks that cannot be trusted, and says
    why. The table shows where the model may be used.

    Example: tem-rf trust au-5nm-n2-p44-paper-s752

    Example: tem-rf trust saved_models/mine --labelled micrographs/labelled
    """
    with show_status() as on_step:
        outcome = record_trust(request, on_step=on_step)
    record = outcome.record
    if as_json:
        content = record.model_dump(mode="json", include={"tried_on", "images", "threshold", "error", "maps"})
        print_json({"model": str(outcome.folder), **content})
        return
    print(f"{outcome.folder}: {error_line(record)}")
    for one in record.maps:
        print_map(one)


def error_line(record: "TrustRecord") -> str:
    """Return how well the expected dice and the verdicts agree with labels."""
    error = record.error
    shares = [
        None if error.flagged is None else f"{error.flagged:.0%} of the poor masks are flagged",
        None if error.false_alarms is None else f"{error.false_alarms:.0%} of the good ones",
    ]
    flagged = ", ".join(share for share in shares if share)
    return (
        f"mean absolute error of the expected dice {error.mean_absolute:.3f} on {error.images} images that it was not "
        f"fitted to; {flagged}"
    )


def print_map(one: "DiceMap") -> None:
    """Print the dice under two conditions as a table."""
    title = f"Mean dice by {one.rows} and {one.columns}" if one.rows else f"Mean dice by {one.columns}"
    columns = [one.rows or one.columns, *(f"{value:g}" for value in one.column_values)]
    rows = [
        [f"{value:g}" if one.rows else "dice", *("–" if dice is None else f"{dice:.2f}" for dice in row)]
        for value, row in zip(one.row_values, one.dice, strict=True)
    ]
    print_table(title, columns, rows)
