"""Keys that the whole job takes in the terminal app, from an empty folder to particles, played in tmux.

Run: python benchmarks/tui_keys.py [--json]
Takes some minutes, because it simulates, prepares, trains, evaluates and segments. It presses only keys that the screen
names at that moment, and changes settings where the defaults would take hours. Target: at most 60 keys.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

TARGET = 60
LIMIT_S = 600.0

# What to wait for on the screen, then the keys to press; a word is typed letter by letter.
STEPS = (
    ("micrographs", "Press s to simulate", ("s",)),
    ("micrographs", "size px", ("Tab", "Tab", "Tab", "C-u", "6", "Tab", "Tab", "Tab", "C-u", "384", "C-s")),
    ("dataset", "6 micrographs with a label", ("m",)),
    ("dataset", "patch size", ("Tab", "Tab", "Tab", "Tab", "Tab", "C-u", "64", "C-s")),
    ("training", "patches of 64 px|prepare datasets/au-5nm: done", ("3", "n")),
    ("training", "New training", ("C-u", "n2-p22", "C-s")),
    ("evaluation", "✓ finished", ("5", "e")),
    ("segmentation", "evaluate .*: done", ("6", "s")),
    ("segmentation", "Segment with", ("C-s",)),
    ("segmentation", "simulated_0000.tif +[0-9.]+%", ("f", "n")),
)
END = "particle [0-9]+ \\(1 of"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        counts = play(Path(name))
    total = sum(counts.values())
    if options.json:
        print(json.dumps({"keys": total, "target": TARGET, **counts}))
        return
    table = Table("step", "keys", title=f"Keys of the whole job: {total}, target {TARGET}")
    for step, count in counts.items():
        table.add_row(step, str(count))
    Console().print(table)


def play(place: Path) -> dict[str, int]:
    """Play the session; return the number of keys of each step."""
    folder, socket = place / "work", place / "tmux"
    folder.mkdir()
    variables = {"XDG_CONFIG_HOME": str(place / "config"), "XDG_STATE_HOME": str(place / "state"), "LANG": "C.UTF-8"}

    def tmux(*arguments: str) -> str:
        command = ["tmux", "-S", str(socket), "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | variables).stdout

    tmux("new-session", "-d", "-x", "120", "-y", "40", "-s", "app", f"{sys.executable} -m tem_rf tui {folder}")
    counts: dict[str, int] = {}
    try:
        for step, wanted, keys in STEPS:
            wait_for(tmux, wanted)
            for key in keys:
                is_named = key in ("Tab", "Enter") or key.startswith("C-")
                for one in [key] if is_named else key:
                    tmux("send-keys", "-t", "app", one)
                    counts[step] = counts.get(step, 0) + 1
                    time.sleep(0.3)
        wait_for(tmux, END)
    finally:
        tmux("kill-server")
    return counts


def wait_for(tmux: Callable[..., str], pattern: str) -> None:
    """Wait until the screen shows a text."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        text = tmux("capture-pane", "-p", "-t", "app")
        if re.search(pattern, " ".join(text.split())):
            return
        time.sleep(0.5)
    raise SystemExit(f"the app did not show {pattern!r} within {LIMIT_S:.0f} s; it shows:\n{text}")


if __name__ == "__main__":
    main()
