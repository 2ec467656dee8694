"""Which kind of picture the terminal shows; asked before the app starts, which would take the answer for keys."""

import os
import re
import select
import sys
import termios
import tty
from collections.abc import Mapping
from typing import Literal

ImageKind = Literal["blocks", "kitty", "sixel"]
"""Half blocks, which every terminal shows; or pixels, by one of two protocols."""

_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]*)c")
_SIXEL = b"4"  # among the attributes that a terminal names
_LONGEST_WAIT_S = 1.0  # every terminal answers at once; an answer that came later would be taken for keys


def image_kind(asked: Literal["auto"] | ImageKind) -> ImageKind:
    """The kind of picture to draw; makes ready what it takes.

    Args:
        asked: A kind, or `auto` for the best that the terminal says it can show.
    """
    kind = detect(os.environ) if asked == "auto" else asked
    if kind != "blocks":
        import textual_image.widget  # noqa: F401  it asks the terminal for the size of a character, now or never
    return kind


def detect(environment: Mapping[str, str]) -> ImageKind:
    """What the terminal can show: tmux and screen pass no pictures on, whatever they run in."""
    if "TMUX" in environment or "STY" in environment or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "blocks"
    terminal = environment.get("TERM", "")
    if "kitty" in terminal or "ghostty" in terminal:  # the two that know kitty's placeholders
        return "kitty"
    return "sixel" if _SIXEL in _attributes().split(b";") else "blocks"


def _attributes() -> bytes:
    """What the terminal answers when it is asked for its attributes; empty where it does not answer."""
    terminal = sys.stdin.fileno()
    before, answer = termios.tcgetattr(terminal), b""
    try:
        tty.setcbreak(terminal)
        os.write(sys.stdout.fileno(), b"\x1b[c")
        while not (found := _ATTRIBUTES.search(answer)) and select.select([terminal], [], [], _LONGEST_WAIT_S)[0]:
            answer += os.read(terminal, 1024)
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
    return found[1] if found else b""
