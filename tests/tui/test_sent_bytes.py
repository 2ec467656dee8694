"""What the terminal is asked, and what is sent to it: pictures in pixels, what is copied."""

import base64
import fcntl
import io
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from PIL import Image

from tem_rf_tui.images import detect, tmux_hint
from tests.helpers.app import make_run

ROWS, COLUMNS, CELL_PX = 30, 100, (20, 10)
WITH_SIXEL, WITHOUT_SIXEL = b"\x1b[?62;4;22c", b"\x1b[?62;14;22c"
STATUS_ASKED, SIZE_ASKED = b"\x1b[5n", b"\x1b[16t"
KITTY = re.compile(rb"\x1b_G([^;\x1b]*);([^\x1b]+)\x1b\\")
SIXEL = re.compile(rb'\x1bP[\d;]*q"1;1;(\d+);(\d+)[^\x1b]+\x1b\\')


class PixelTerminal:
    """A pseudo-terminal whose characters have a size in pixels, with the app in it; it answers what it is."""

    def __init__(
        self,
        folder: Path,
        *options: Any,
        attributes: Any = WITHOUT_SIXEL,
        is_late: bool = False,
        cell: tuple[int, int] = CELL_PX,
        is_silent: bool = False,
        **environment: str,
    ) -> None:
        self._attributes, self._is_late, self._cell, self._is_silent = attributes, is_late, cell, is_silent
        self._command = [sys.executable, "-m", "tem_rf", "tui", str(folder), *options]
        self._environment = {name: value for name, value in os.environ.items() if name not in ("TMUX", "STY")}
        self._environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}

    def __enter__(self) -> Self:
        self._end, inside = pty.openpty()
        height, width = (0, 0) if self._is_silent else self._cell  # some systems do not pass it on
        sizes = struct.pack("HHHH", ROWS, COLUMNS, COLUMNS * width, ROWS * height)
        fcntl.ioctl(inside, termios.TIOCSWINSZ, sizes)
        self.app = subprocess.Popen(
            self._command, stdin=inside, stdout=inside, stderr=inside, env=self._environment, start_new_session=True
        )
        os.close(inside)
        self.sent, self.asked, self.statuses, self.sizes = b"", 0, 0, 0
        return self

    def __exit__(self, *_: object) -> None:
        self.app.kill()
        self.app.wait()
        os.close(self._end)

    def vanish(self) -> int:
        """Be closed, without the signal that a terminal sends to what it controls; how the app ends."""
        os.close(self._end)
        self._end = os.open(os.devnull, os.O_RDONLY)
        return self.app.wait(timeout=60)

    def press(self, key: Any) -> None:
        os.write(self._end, key)

    def read_until(self, mark: Any, seconds: float = 90) -> bytes:
        """All that was sent until something like the mark."""
        end = time.monotonic() + seconds
        while not re.search(mark, self.sent):
            assert time.monotonic() < end, self.sent[-500:]
            if select.select([self._end], [], [], 0.2)[0]:
                self.sent += os.read(self._end, 65536)
            while self.sent.count(b"\x1b[c") > self.asked:
                self.asked += 1
                os.write(self._end, self._attributes)
            while self.sent.count(SIZE_ASKED) > self.sizes:
                self.sizes += 1
                os.write(self._end, b"\x1b[6;%d;%dt" % self._cell)
            if self.sent.count(STATUS_ASKED) > self.statuses:
                if self._is_late:  # later than the library for pictures waits, and before the answer to this question
                    time.sleep(0.3)
                    os.write(self._end, b"\x1b[?62;22c")
                self.statuses += 1
                os.write(self._end, b"\x1b[0n")
        return self.sent


@pytest.fixture
def with_data(folder: Path, tiny_dataset: Path) -> Path:
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")
    return folder


@pytest.fixture
def in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)


@pytest.mark.parametrize("variable", ["TMUX", "STY"])
def test_nothing_that_passes_no_pictures_on_is_asked(variable: str, in_a_terminal: None) -> None:
    assert detect({variable: "1", "TERM": "xterm-kitty"}) == "blocks"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(b"\x1bP>|kitty(0.35.2)\x1b\\", "kitty"), (b"\x1bP>|kitty(0.26.5)\x1b\\", "blocks"), (b"", "blocks")],
)
def test_kitty_draws_pixels_from_the_version_that_can(
    answer: bytes, kind: str, in_a_terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tem_rf_tui.images._ask", lambda question, _: answer if question == b"\x1b[>q" else b"")
    assert detect({"TERM": "xterm-kitty"}) == kind


def test_a_late_answer_of_the_terminal_is_no_key(with_data: Path) -> None:
    with PixelTerminal(with_data, "--images", "kitty", is_late=True) as terminal:
        terminal.read_until(b"datasets/discs")
        terminal.press(b"?")
        assert b"Here: Data" not in terminal.sent
        terminal.read_until(b"Here: Data")


def test_without_a_terminal_there_are_half_blocks() -> None:
    assert detect({"TERM": "xterm-kitty"}) == "blocks"


def test_a_terminal_without_pictures_gets_half_blocks(with_data: Path) -> None:
    with PixelTerminal(with_data) as terminal:
        sent = terminal.read_until("▀".encode())
    assert terminal.asked == 1
    assert not KITTY.search(sent)
    assert not SIXEL.search(sent)


def test_a_terminal_with_sixel_gets_a_patch_in_pixels(with_data: Path) -> None:
    with PixelTerminal(with_data, attributes=WITH_SIXEL) as terminal:
        sent = terminal.read_until(SIXEL)
    width, height = map(int, SIXEL.search(sent).groups())
    assert min(width, height) > 2 * 2 * ROWS  # half blocks have two a row
    assert width % CELL_PX[1] == height % CELL_PX[0] == 0
    assert "▀".encode() not in sent


def test_kitty_gets_a_patch_with_its_contour(with_data: Path) -> None:
    with PixelTerminal(with_data, "--images", "kitty") as terminal:
        sent = terminal.read_until(rb"\x1b_Ga=p,[^\x1b]*U=1")
    parts = [(options, payload) for options, payload in KITTY.findall(sent) if b"f=100" in options]
    identity = re.search(rb"i=(\d+)", parts[0][0])[0]
    png = b"".join(payload for options, payload in parts if identity in options)
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    assert picture.width == picture.height
    colours = set(map(tuple, np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()))
    assert (255, 200, 0) in colours  # the contour
    assert len({colour for colour in colours if len(set(colour)) == 1}) > 32  # more greys than half blocks have


def test_a_terminal_that_does_not_decode_utf8_is_told_so(folder: Path) -> None:
    with PixelTerminal(folder, attributes=b"\x1b[1;3R\x1b[?62;22c") as terminal:  # behind two characters
        terminal.read_until(b"does not decode UTF-8.*xterm -u8")
        assert terminal.app.wait(timeout=60) == 2
    assert b"\x1b[?1049h" not in terminal.sent  # the screen of the app


@pytest.mark.parametrize(("answer", "hint"), [("0\n", "tmux -u attach"), ("1\n", ""), ("\n", "")])
def test_tmux_without_utf8_is_named(answer: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\nprintf '{answer}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert hint in tmux_hint({"TMUX": "socket"})
    assert bool(tmux_hint({"TMUX": "socket"})) == bool(hint)
    assert tmux_hint({}) == ""


@pytest.mark.parametrize("cell", [(20, 10), (17, 8), (30, 11)])
@pytest.mark.parametrize("is_silent", [False, True])
def test_a_square_patch_is_square_whatever_the_shape_of_a_character(
    with_data: Path, cell: tuple[int, int], is_silent: bool
) -> None:
    with PixelTerminal(with_data, "--images", "kitty", cell=cell, is_silent=is_silent) as terminal:
        sent = terminal.read_until(rb"\x1b_Ga=p,[^\x1b]*U=1")
    placed = re.search(rb"\x1b_Ga=p,([^\x1b]*)", sent)[1].decode()
    rows, columns = (int(re.search(rf"{name}=(\d+)", placed)[1]) for name in "rc")
    height, width = rows * cell[0], columns * cell[1]
    assert abs(height - width) < cell[0]  # less than a character, to which it is padded
    assert height > ROWS * cell[0] / 4
    assert (terminal.sizes > 0) == is_silent


def test_half_blocks_are_as_tall_as_the_system_tells(with_data: Path) -> None:
    spans = []
    for cell in ((20, 10), (30, 10)):
        with PixelTerminal(with_data, "--images", "blocks", cell=cell) as terminal:
            sent = terminal.read_until("(?s)▀.*├".encode())
        lines = re.split(rb"\x1b\[\d+;\d+H", sent)
        spans.append(max(line.count("▀".encode()) for line in lines))
        assert terminal.sizes == 0
    assert spans[1] > 1.3 * spans[0]  # as many rows of taller characters take more columns


def test_a_copied_table_goes_through_the_terminal(folder: Path) -> None:
    make_run(folder / "runs", "n2-p24-s752")
    with PixelTerminal(folder, "--images", "blocks") as terminal:
        terminal.read_until(b"Segment")
        terminal.press(b"5")
        terminal.read_until(b"n2-p24")
        terminal.press(b"y")
        sent = terminal.read_until(rb"\x1b\]52;c;[^\x07]+\x07")
    copied = base64.b64decode(re.search(rb"\x1b\]52;c;([^\x07]+)\x07", sent)[1]).decode()
    assert copied.startswith("| dataset | network |")
    assert "| au-5nm | n2-p24 |" in copied


def test_an_app_whose_terminal_vanished_ends(folder: Path) -> None:
    with PixelTerminal(folder) as terminal:
        terminal.read_until(b"Segment")
        assert terminal.vanish() == 128 + signal.SIGHUP
