"""`tem-rf tui`, or `tem-rf` alone in a terminal: the terminal app."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tem_rf.errors import SettingsError

PAINTS_PER_S = "240"  # the most; Textual's 60 have a key wait for up to 17 ms before anything is drawn


def tui(
    folder: Annotated[
        Path, typer.Argument(help="Folder to work in: runs/, datasets/, saved_models/ lie in it.")
    ] = Path(),
    images: Annotated[
        Literal["auto", "blocks", "kitty", "sixel"],
        typer.Option(help="How pictures are drawn: the best that the terminal shows, half blocks, or a protocol."),
    ] = "auto",
) -> None:
    """Open the terminal app: data, networks, trainings, results, segmentation; it needs no mouse.

    Closing it, or the terminal, ends no run.

    Example: tem-rf tui ~/particles
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(
            "the app needs a terminal, and its input or output is a pipe or a file; start it in a terminal (over ssh "
            "with -t), or use the commands that `tem-rf --help` lists."
        )
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no such folder; make it first, or name another.")

    os.environ.setdefault("TEXTUAL_FPS", PAINTS_PER_S)  # read when Textual is imported
    from tem_rf_tui.app import TemRfApp
    from tem_rf_tui.images import image_kind

    TemRfApp(folder, image_kind(images)).run()
