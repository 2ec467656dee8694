"""Dice against receptive field, by depth: the study's figure 2, and the same of other scores."""

from tem_rf.study.columns import find_column
from tem_rf.study.figures.figure import NothingToShowError, StudyFigure
from tem_rf.study.figures.series import dilation, draw_field_panels, field_rows, kind
from tem_rf.study.trials import Results


def score_against_field(results: Results, metric: str = "hard_dice") -> StudyFigure:
    """A panel per dataset, a series per depth; dilated networks have a figure of their own.

    Args:
        results: The trials.
        metric: Name of a score.

    Raises:
        NothingToShowError: No trial without dilation is scored.

    Source: Sytwu et al. 2022, figure 2.
    """
    rows = field_rows([trial for trial in results.trials if dilation(trial) is None], metric, kind)
    if not rows:
        raise NothingToShowError("No network without dilation is finished and scored yet.")
    title = find_column(metric).title
    return StudyFigure(
        f"{title[0].upper()}{title[1:]} of the test images against the receptive field by equation (1), a series per "
        "depth. Points are means over seeds, bars their standard deviation; hollow points lack seeds.",
        rows,
        lambda: draw_field_panels(rows, metric),
    )
