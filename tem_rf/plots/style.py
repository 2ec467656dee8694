"""Style of the figures: series distinguished by colour and marker, on a light background."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Okabe and Ito 2008, without yellow, plus grey: the eight series of the study's figure 4 each have a colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#888888")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PANEL_INCHES = (5.2, 4.0)

_LOGARITHMIC_FROM = 12  # largest over smallest field: above this a linear axis crowds the small ones


@contextmanager
def plain_style() -> Iterator[None]:
    """Disable markup in text, since dataset names come from files, and write reproducible SVG."""
    import matplotlib as mpl

    with mpl.rc_context({"text.parse_math": False, "svg.hashsalt": "tem-rf", "svg.fonttype": "none"}):
        yield


def colour(index: int) -> str:
    """Colour of the series with a number."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Marker of the series with a number. Combinations of colour and marker repeat after 56."""
    return MARKERS[index % len(MARKERS)]


def scale_fields(axes: "Axes", fields: Sequence[float], label: str) -> None:
    """Scale the axis of receptive fields: linear, as published, or logarithmic if their range is large."""
    axes.set_xlabel(label)
    axes.grid(alpha=0.3)
    if max(fields) > _LOGARITHMIC_FROM * min(fields):
        axes.set_xscale("log")
        label_decades(axes.xaxis)
    else:
        axes.set_xlim(left=0)


def label_decades(axis: "Axis") -> None:
    """Label a logarithmic axis at 1, 2 and 5 of each decade, without mathematical markup, which is disabled."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())
