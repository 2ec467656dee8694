"""The whole job in a real terminal, which is closed in the middle."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


class Terminal:
    """A terminal of 100 x 30 in a tmux server of its own, with the app in it.

    A server that was told to end still holds its socket for a moment, so each terminal has a socket of its own name.
    """

    def __init__(self, folder, name):
        self._folder, self._socket = folder, str(folder / f"{name}.socket")

    def __enter__(self):
        self._tmux("new-session", "-d", "-x", "100", "-y", "30", "-s", "app",
                   f"{sys.executable} -m tem_rf tui {self._folder}")  # fmt: skip
        return self

    def __exit__(self, *_):
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


def test_a_training_outlives_its_terminal(folder, tiny_dataset):
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")
    with Terminal(folder, "first") as terminal:
        terminal.wait(lambda text: "6 Segment" in text and "patches of 32 px" in text)
        terminal.press("3", "n")
        terminal.wait(lambda text: "New training" in text)
        terminal.press("C-u", "n2-p22", "Tab", "Tab", "Tab", "C-u", "6", "Tab", "C-u", "16", "C-s")
        terminal.wait(lambda text: "running" in text)
    with Terminal(folder, "second") as terminal:
        terminal.wait(lambda text: "finished" in text and "6/6" in text)
        terminal.press("5")
        terminal.wait(lambda text: "n2-p22" in text and "validation" in text)
        terminal.press("e")
        terminal.wait(lambda text: "evaluate discs-n2-p22-best-s752: done" in " ".join(text.split()))
        terminal.press("x")
        terminal.wait(lambda text: "export" in text)
        end = time.monotonic() + 90
        while not (folder / "saved_models" / "discs-n2-p22-best-s752" / "model.json").exists():
            assert time.monotonic() < end
            time.sleep(0.5)
    assert (folder / "runs" / "discs-n2-p22-best-s752" / "scores.csv").exists()
