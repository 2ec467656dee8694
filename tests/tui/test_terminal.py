"""The whole job in a real terminal, which is closed in the middle."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


class Terminal:
    """A terminal of 100 x 30 in a tmux server of its own, with the app in it.

    A server that was told to end still holds its socket for a moment, so each terminal has a socket of its own name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._socket = folder, str(folder / f"{name}.socket")

    def __enter__(self) -> Self:
        self._tmux("new-session", "-d", "-x", "100", "-y", "30", "-s", "app",
                   f"{sys.executable} -m tem_rf tui {self._folder}")  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")

    def press(self, *keys: str) -> None:
        for key in keys:
            self._tmux("send-keys", "-t", "app", key)
            time.sleep(0.3)

    def wait(self, holds: Callable[[str], bool], seconds: float = 90) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = self._tmux("capture-pane", "-p", "-t", "app")
            if holds(text):
                return text
            time.sleep(0.3)
        raise AssertionError(f"it never came to hold; the terminal shows:\n{text}")

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-S", self._socket, *arguments], capture_output=True, text=True, check=False,
                              env={**os.environ, "LANG": "C.UTF-8"})  # fmt: skip
        return done.stdout


def test_the_whole_job_outlives_its_terminal(folder: Path) -> None:
    with Terminal(folder, "first") as terminal:
        terminal.wait(lambda text: "No data in" in text)
        _simulate(terminal)
        _prepare(terminal)
        _pick(terminal)
        _train(terminal)
    run = folder / "runs" / "sim-n2-p22-best-s752"
    assert "finished" not in (run / "events.jsonl").read_text(encoding="utf-8")
    with Terminal(folder, "second") as terminal:
        terminal.wait(lambda text: "finished" in text and "6/6" in text and "validation" in text)
        terminal.press("5", "e")
        terminal.wait(lambda text: "evaluate sim-n2-p22-best-s752: done" in _words(text))
        terminal.wait(lambda text: re.search(r"sim +n2-p22 +752 +0\.\d{3} +0\.\d{3}", text) is not None)
        terminal.press("x")
        terminal.wait(lambda text: "tem-rf export" in _words(text))
        terminal.press("C-s")
        terminal.wait(lambda text: "export sim-n2-p22-best-s752: done" in _words(text))
    assert (folder / "saved_models" / "sim-n2-p22-best-s752" / "model.json").exists()
    assert (run / "scores.csv").exists()


def _simulate(terminal: Terminal) -> None:
    terminal.press("s")
    terminal.wait(lambda text: "size px" in text)
    terminal.press("Tab", "sim", "Tab", "Tab", "C-u", "6", "Tab", "Tab", "Tab", "C-u", "384", "C-s")
    terminal.wait(lambda text: "simulate sim: done" in _words(text) and "6 micrographs with a label" in text)


def _prepare(terminal: Terminal) -> None:
    terminal.press("m")
    terminal.wait(lambda text: "datasets/sim" in text)
    terminal.press("Tab", "Tab", "Tab", "Tab", "Tab", "C-u", "64", "C-s")
    terminal.wait(lambda text: "prepare datasets/sim: done" in _words(text))


def _pick(terminal: Terminal) -> None:
    terminal.press("Up")
    terminal.wait(lambda text: "patches of 64 px" in text)
    terminal.press("Enter")
    terminal.wait(lambda text: "Using datasets/sim for the next training" in _words(text))


def _train(terminal: Terminal) -> None:
    terminal.press("3", "n")
    terminal.wait(lambda text: "New training" in text and "datasets/sim" in text)
    terminal.press("C-u", "n2-p22", "Tab", "Tab", "Tab", "Tab", "Tab", "C-u", "6", "Tab", "C-u", "16", "C-s")
    terminal.wait(lambda text: "running" in text)


def _words(text: str) -> str:
    """The text of a screen without its breaks of lines: notifications are wrapped."""
    return " ".join(text.split())
