"""Reliability curves of the best networks, without and with their temperature."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tem_rf.evaluation.trials import Results, TrialResult
from tem_rf.metrics.calibration import BINS, Reliability
from tem_rf.plots.reliability import draw_diagonal, draw_reliability
from tem_rf.plots.style import PANEL_INCHES
from tem_rf.study.figures.base import NothingToShowError, Row, StudyFigure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 6  # curves in a panel; all trials are in the numbers


def reliability_curves(results: Results) -> StudyFigure:
    """A panel per dataset with the curves of the trials of best validation dice; dashed without temperature.

    The curve of a trial is that of the pixels of all its seeds together.

    Raises:
        NothingToShowError: No run has a measured reliability.

    Source: Guo et al. 2017, figure 1.
    """
    rows = [row for trial in results.trials for row in _rows(trial)]
    if not rows:
        raise NothingToShowError("No run has a measured reliability; evaluate the runs again.")
    return StudyFigure(
        "Fraction of particle pixels against the probability of a particle, test images of all seeds, in "
        f"{BINS} bins of equal width: solid with the temperature that was fitted on the validation images, dashed "
        "without. ECE is the expected calibration error without and with it. At most "
        f"{_SHOWN} networks per dataset are drawn, those of best validation dice.",
        rows,
        lambda: _draw(rows),
    )


def _rows(trial: TrialResult) -> list[Row]:
    """A row per bin, without and with the temperature."""
    measured = [run.reliability for run in trial.scored if run.reliability]
    if not measured:
        return []
    validation = trial.validation_hard_dice
    kinds = {"before": [one.before for one in measured], "after": [one.after for one in measured]}
    return [
        {
            "dataset": trial.dataset,
            "trial": trial.name,
            "network": trial.method,
            "validation_hard_dice": validation and validation.mean,
            "temperature": kind,
            "bin": number + 1,
            "pixels": sum(one.pixels[number] for one in parts),
            "particles": sum(one.particles[number] for one in parts),
            "probability": sum(one.probability[number] for one in parts),
        }
        for kind, parts in kinds.items()
        for number in range(BINS)
    ]


def _draw(rows: Sequence[Row]) -> "Figure":
    from matplotlib.figure import Figure

    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * len(datasets), height + 0.8), layout="constrained")
    for axes, dataset in zip(figure.subplots(1, len(datasets), squeeze=False)[0], datasets, strict=True):
        draw_diagonal(axes)
        dice = {row["trial"]: row["validation_hard_dice"] or 0.0 for row in rows if row["dataset"] == dataset}
        best = sorted(dice, key=lambda name: -dice[name])[:_SHOWN]
        for index, name in enumerate(best):
            before, after = (_reliability(rows, name, kind) for kind in ("before", "after"))
            network = next(row["network"] for row in rows if row["trial"] == name)
            draw_reliability(axes, before, "", index, dashed=True)
            draw_reliability(axes, after, f"{network}: ECE {before.error:.3f}, {after.error:.3f}", index)
        axes.set_title(dataset)
        axes.legend(frameon=False, fontsize="small", loc="upper left")
    return figure


def _reliability(rows: Sequence[Row], trial: str, kind: str) -> Reliability:
    bins = [row for row in rows if row["trial"] == trial and row["temperature"] == kind]
    return Reliability(*(tuple(row[key] for row in bins) for key in ("pixels", "particles", "probability")))
