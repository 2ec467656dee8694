"""Detect how the terminal can show pictures, before the app starts and would read the answer as keys."""

import os
import re
import select
import struct
import subprocess
import sys
from collections.abc import Mapping
from typing import Literal

from tem_rf.errors import SettingsError

ImageKind = Literal["blocks", "kitty", "sixel"]
"""Half blocks, which every terminal supports, or pixels, by one of two protocols."""

# A character of two bytes, which a terminal that is not set to UTF-8 shows as two; then where the cursor is now.
_WIDTH_ASKED, _ERASE_LINE = b"\r\xc3\xab\x1b[6n", b"\r\x1b[K"
_BEHIND_TWO = re.compile(rb"\x1b\[\d+;3R")
_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]*)c")
_NAME = re.compile(rb"\x1bP>\|(.*?)\x1b\\")
_FIRST_KITTY = (0, 28)  # the first version with placeholders
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_cell_px = [(20, 10)]  # the usual one, then the one of this terminal
_STATUS = re.compile(rb"\x1b\[0n")
_SIXEL = b"4"  # in the attributes that a terminal reports
_LONGEST_WAIT_S = 1.0  # terminals answer at once; a later answer would be read as keys


def image_kind(asked: Literal["auto"] | ImageKind) -> ImageKind:
    """Return how to draw pictures, and prepare it.

    Args:
        asked: A kind, or `auto` for the best kind that the terminal supports.
    """
    kind = detect(os.environ) if asked == "auto" else asked
    _cell_px.append(_ask_cell_px(may_ask=kind != "blocks"))
    if kind != "blocks":
        height, width = cell_px()
        os.environ |= {"TEXTUAL_CELL_HEIGHT": str(height), "TEXTUAL_CELL_WIDTH": str(width)}  # if it gets no answer
        import textual_image.widget  # noqa: F401  asks the terminal for the size of a character, which works only now

        _ask(b"\x1b[5n", _STATUS)  # answers come in order: the import waits only 0.1 s for its own
    return kind


def detect(environment: Mapping[str, str]) -> ImageKind:
    """Return what the terminal supports; tmux and screen do not pass pictures on.

    Raises:
        SettingsError: The terminal does not decode UTF-8, with which the app draws.
    """
    if "TMUX" in environment or "STY" in environment or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "blocks"
    terminal = environment.get("TERM", "")
    if "kitty" in terminal or "ghostty" in terminal:  # the two that support kitty's placeholders
        return "kitty" if has_placeholders(_name()) else "blocks"
    return "sixel" if _SIXEL in _attributes().split(b";") else "blocks"


def cell_px() -> tuple[int, int]:
    """Return height and width of a character [px], as the terminal told before the app started; otherwise 2:1."""
    return _cell_px[-1]


def has_placeholders(name: bytes) -> bool:
    """Whether a terminal of this name and version draws pictures in place of characters.

    Older kitty draws boxes instead (Debian 12 has 0.26).

    >>> has_placeholders(b"kitty(0.26.5)"), has_placeholders(b"kitty(0.35.2)"), has_placeholders(b"ghostty 1.0.1")
    (False, True, True)
    """
    kitty = re.match(rb"kitty\((\d+)\.(\d+)", name)
    return (int(kitty[1]), int(kitty[2])) >= _FIRST_KITTY if kitty else name.startswith(b"ghostty")


def _name() -> bytes:
    """Ask the terminal for its name and version; empty if it does not answer."""
    found = _NAME.search(_ask(b"\x1b[>q", _NAME))
    return found[1] if found else b""


def _attributes() -> bytes:
    """Ask the terminal for its attributes, and whether it decodes UTF-8; empty if it does not answer."""
    answers = _ask(_WIDTH_ASKED + _ERASE_LINE + b"\x1b[c", _ATTRIBUTES)
    if _BEHIND_TWO.search(answers):
        raise SettingsError(
            "this terminal does not decode UTF-8, so lines, curves and pictures would be illegible; turn UTF-8 on in "
            "its settings (`xterm -u8`; in PuTTY under Window, Translation), or use another terminal."
        )
    found = _ATTRIBUTES.search(answers)
    return found[1] if found else b""


def tmux_hint(environment: Mapping[str, str]) -> str:
    """Return what to do if tmux draws other characters than those of the app; empty if it does not."""
    if "TMUX" not in environment:
        return ""
    command = ["tmux", "display-message", "-p", "#{client_utf8}"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_WAIT_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if told.strip() != "0":
        return ""
    return (
        "tmux draws _ in place of lines and curves, since it was started without UTF-8. Detach (Ctrl+B, D) and return "
        "with `tmux -u attach`."
    )


def _ask_cell_px(*, may_ask: bool) -> tuple[int, int]:
    """Return height and width of a character [px] from the system, or else from the terminal if it may be asked."""
    try:
        import fcntl
        import termios

        sizes = struct.unpack("HHHH", fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8)))
    except (ImportError, OSError):  # Windows; no terminal
        return cell_px()
    rows, columns, width, height = sizes
    size = (height // rows, width // columns) if rows and columns else (0, 0)
    if min(size) == 0 and may_ask and sys.stdin.isatty():
        found = _CELL.search(_ask(b"\x1b[16t", _CELL))
        size = (int(found[1]), int(found[2])) if found else size
    return size if min(size) > 0 else cell_px()


def _ask(question: bytes, answer: re.Pattern[bytes]) -> bytes:
    """Return all that the terminal has sent up to an answer, or within the longest wait."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return b""
    terminal, sent = sys.stdin.fileno(), b""
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        os.write(sys.stdout.fileno(), question)
        while not answer.search(sent) and select.select([terminal], [], [], _LONGEST_WAIT_S)[0]:
            sent += os.read(terminal, 1024)
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
    return sent
