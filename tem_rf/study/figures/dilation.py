"""Dice of dilated networks beside the same networks without dilation: the study's figure 4."""

from tem_rf.study.figures.figure import NothingToShowError, StudyFigure
from tem_rf.study.figures.series import dilation, draw_field_panels, field_rows, kind
from tem_rf.study.trials import Results, TrialResult


def dilated_networks(results: Results) -> StudyFigure:
    """A panel per dataset, a series per dilation; only depths of which dilated networks were tried.

    Raises:
        NothingToShowError: No dilated network is scored.

    Source: Sytwu et al. 2022, figure 4.
    """
    dilated_kinds = {kind(trial) for trial in results.trials if dilation(trial) and trial.scored}
    if not dilated_kinds:
        raise NothingToShowError("No network with dilation is finished and scored.")
    rows = field_rows([trial for trial in results.trials if kind(trial) in dilated_kinds], "hard_dice", _series)
    return StudyFigure(
        "Hard dice of the test images against the receptive field, with and without dilation: does it matter how the "
        "field is reached? Bars are standard deviations over seeds; hollow points lack seeds.",
        rows,
        lambda: draw_field_panels(rows, "hard_dice"),
    )


def _series(trial: TrialResult) -> str:
    pattern = dilation(trial)
    return f"{kind(trial)}, " + (f"dilation {pattern}" if pattern else "no dilation")
