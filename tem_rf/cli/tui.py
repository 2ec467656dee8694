"""`tem-rf tui`, or `tem-rf` alone in a terminal: the terminal app."""

import codecs
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tem_rf.errors import SettingsError
from tem_rf.files import no_folder

if TYPE_CHECKING:
    from tem_rf.jobs.settings import SettingsRequest

PAINTS_PER_S = "240"  # maximum; with Textual's default of 60, a key press waits up to 17 ms to be drawn


Images = Literal["auto", "blocks", "kitty", "sixel"]


def tui(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Working folder, with runs/, datasets/ and saved_models/; default: the one in your settings, or the "
            "current one."
        ),
    ] = None,
    images: Annotated[
        Images | None,
        typer.Option(
            help="How to draw pictures: auto takes the best that the terminal supports; blocks always works; default: "
            "as in your settings."
        ),
    ] = None,
) -> None:
    """Open the terminal app for data, networks, training, results and segmentation; no mouse needed.

    Runs continue when the app or the terminal is closed.

    Example: tem-rf tui ~/particles
    """
    prepare_terminal()
    settings = _settings()
    folder = folder or settings.folder or Path()
    if not folder.is_dir():
        raise SettingsError(no_folder(folder, "the working folder"))

    from tem_rf_tui.app import TemRfApp
    from tem_rf_tui.images import image_kind

    TemRfApp(folder, image_kind(images or settings.images)).run()


def prepare_terminal() -> None:
    """Check that there is a terminal, before Textual is imported, and let it draw without delay.

    Raises:
        SettingsError: The input or the output is no terminal, or one that is not set to UTF-8, or cannot move the
            cursor.
    """
    is_served = os.environ.get("TEXTUAL_DRIVER", "").endswith("WebDriver")  # by `tem-rf serve`, to a browser
    if not is_served and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(
            "the app needs a terminal, but its input or output is a pipe or a file; start it in a terminal (over ssh "
            "with -t), or use the commands listed by `tem-rf --help`."
        )
    encoding = sys.stdout.encoding
    if codecs.lookup(encoding).name != "utf-8":
        raise SettingsError(
            f"the app draws with characters that this terminal is not set to ({encoding}); {_to_utf8(os.environ)}."
        )
    if not is_served and sys.platform != "win32" and os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        raise SettingsError(
            f"the app moves the cursor, which this terminal cannot (TERM is {os.environ.get('TERM') or 'not set'}); "
            "start it in another terminal, or set TERM to xterm-256color if this one is an ordinary one."
        )
    os.environ.setdefault("TEXTUAL_FPS", PAINTS_PER_S)  # read when Textual is imported


def _to_utf8(environment: Mapping[str, str]) -> str:
    """Return what to set, so that Python writes UTF-8.

    >>> _to_utf8({"LC_ALL": "C", "LANG": "C.UTF-8"}), _to_utf8({"PYTHONIOENCODING": "ascii"})
    ('set LC_ALL to C.UTF-8, or PYTHONUTF8 to 1', 'unset PYTHONIOENCODING')
    """
    if "PYTHONIOENCODING" in environment:
        return "unset PYTHONIOENCODING"
    decisive = next((name for name in ("LC_ALL", "LC_CTYPE") if environment.get(name)), "LANG")
    return f"set {decisive} to C.UTF-8, or PYTHONUTF8 to 1"


def _settings() -> "SettingsRequest":
    """Return the settings; the defaults if the file is wrong, which the app reports."""
    from tem_rf.jobs.settings import SettingsRequest, load_settings

    try:
        return load_settings()
    except SettingsError:
        return SettingsRequest.build()
