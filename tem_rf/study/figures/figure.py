"""What a figure is: numbers, and a drawing of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tem_rf.errors import TemRfError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = dict[str, Any]


class NothingToShowError(TemRfError):
    """A figure that the runs at hand have nothing for; the message is a sentence that says why."""


@dataclass(frozen=True, eq=False)
class StudyFigure:
    """A figure, not yet drawn.

    Attributes:
        caption: What it shows and how to read it.
        rows: The numbers behind it, as rows of a table.
        draw: Draws them.
    """

    caption: str
    rows: list[Row]
    draw: "Callable[[], Figure]"
