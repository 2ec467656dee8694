"""Write matplotlib figures whose titles contain names of the user's files."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.files import replacing_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(path: Path, figure: "Figure", *, dpi: int) -> None:
    """Write a PNG atomically. Characters missing in the font become boxes, without a warning for each.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    with replacing_file(path) as beside, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(beside, format="png", dpi=dpi)
