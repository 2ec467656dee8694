"""How the figures look: series told apart by colour and by marker, on a light background."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Okabe and Ito 2008, without yellow, and a grey: the eight series of the study's figure 4 have a colour each.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#888888")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PANEL_INCHES = (5.2, 4.0)

_LOGARITHMIC_FROM = 12  # greatest over least field: from here on a linear axis crowds the small ones


@contextmanager
def plain_style() -> Iterator[None]:
    """Take texts as they are, since names of datasets come from files, and write the same SVG each time."""
    import matplotlib as mpl

    with mpl.rc_context({"text.parse_math": False, "svg.hashsalt": "tem-rf", "svg.fonttype": "none"}):
        yield


def colour(index: int) -> str:
    """Colour of the series of a number."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Marker of the series of a number; colour and marker together repeat after 56."""
    return MARKERS[index % len(MARKERS)]


def scale_fields(axes: "Axes", fields: Sequence[float], label: str) -> None:
    """Scale the axis of receptive fields: linear, as published, or logarithmic where they span much."""
    axes.set_xlabel(label)
    axes.grid(alpha=0.3)
    if max(fields) > _LOGARITHMIC_FROM * min(fields):
        axes.set_xscale("log")
        label_decades(axes.xaxis)
    else:
        axes.set_xlim(left=0)


def label_decades(axis: "Axis") -> None:
    """Label a logarithmic axis at 1, 2 and 5 of each decade, without mathematical markup, which is turned off."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())
