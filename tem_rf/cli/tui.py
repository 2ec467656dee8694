"""`tem-rf tui`, or `tem-rf` alone in a terminal: the terminal app."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tem_rf.errors import SettingsError

PAINTS_PER_S = "240"  # maximum; with Textual's default of 60, a key press waits up to 17 ms to be drawn


Images = Literal["auto", "blocks", "kitty", "sixel"]
ImagesOption = Annotated[
    Images,
    typer.Option(
        "--images", help="How to draw pictures: auto takes the best that the terminal supports; blocks always works."
    ),
]


def tui(
    folder: Annotated[Path, typer.Argument(help="Working folder, with runs/, datasets/ and saved_models/.")] = Path(),
    images: ImagesOption = "auto",
) -> None:
    """Open the terminal app for data, networks, training, results and segmentation; no mouse needed.

    Runs continue when the app or the terminal is closed.

    Example: tem-rf tui ~/particles
    """
    prepare_terminal()
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no such folder; create it first, or give another.")

    from tem_rf_tui.app import TemRfApp
    from tem_rf_tui.images import image_kind

    TemRfApp(folder, image_kind(images)).run()


def prepare_terminal() -> None:
    """Check that there is a terminal, before Textual is imported, and let it draw without delay.

    Raises:
        SettingsError: The input or the output is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(
            "the app needs a terminal, but its input or output is a pipe or a file; start it in a terminal (over ssh "
            "with -t), or use the commands listed by `tem-rf --help`."
        )
    os.environ.setdefault("TEXTUAL_FPS", PAINTS_PER_S)  # read when Textual is imported
