"""Plot of training curves: loss and dice against epochs."""

from collections.abc import Sequence
from pathlib import Path

from tem_rf.errors import RunError
from tem_rf.files import replacing_file
from tem_rf.plots.style import label_decades
from tem_rf.runs.events import EpochEvent, epochs
from tem_rf.runs.folder import RunFolder

# Okabe and Ito 2008, without black and yellow.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_PANELS = (("cross-entropy", "loss"), ("hard dice", "hard_dice"))


def write_curves_picture(path: Path, runs: Sequence[RunFolder]) -> None:
    """Write a PNG with the curves of runs: one colour per architecture, one line per seed, training dashed.

    Args:
        path: PNG file to write.
        runs: Runs; those without a completed epoch are left out.

    Raises:
        RunError: None of the runs has completed an epoch.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    curves = {run: done for run in runs if (done := epochs(run.events()))}
    if not curves:
        raise RunError(f"{', '.join(run.name for run in runs)}: no epoch is completed yet; see `tem-rf runs`.")
    names = sorted({run.config.architecture.name for run in curves})
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    for axes, (label, field) in zip(figure.subplots(1, 2), _PANELS, strict=True):
        for run, done in curves.items():
            name = run.config.architecture.name
            colour = _COLOURS[names.index(name) % len(_COLOURS)]
            axes.plot(_epochs(done), [getattr(event, field) for event in done], color=colour, ls="--", lw=0.8)
            axes.plot(_epochs(done), [getattr(event, f"validation_{field}") for event in done], color=colour, lw=1.4)
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if field == "loss":
            axes.set_yscale("log")
            label_decades(axes.yaxis)
    for index, name in enumerate(names):
        axes.plot([], [], color=_COLOURS[index % len(_COLOURS)], label=name)
    axes.plot([], [], color="0.3", lw=1.4, label="validation")
    axes.plot([], [], color="0.3", ls="--", lw=0.8, label="training")
    figure.legend(loc="outside right upper", frameon=False)
    with replacing_file(path) as beside:
        figure.savefig(beside, dpi=110)


def _epochs(done: Sequence[EpochEvent]) -> list[int]:
    return [event.epoch for event in done]
