"""Memory of the terminal app over many previews, in a real pseudo-terminal: growth, or a cache that fills?

Run: python benchmarks/tui_memory.py [--previews 300] [--minutes 60] [--side 1024] [--json]
Takes about three minutes, or as many as are given. Steps through micrographs on the Data screen and reports the
resident memory after every 25 previews. The growth is the slope over the second half, by least squares.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from app_terminal import AppTerminal, app_terminal
from rich.console import Console
from rich.table import Table

from tem_rf.data.tiff import write_tiff

MICROGRAPHS, PER_REPORT = 12, 25
SILENCE_S, LIMIT_S = 0.2, 20.0


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_micrographs(folder / "new", options.side)
        memory = measure(folder, options.previews, None if options.minutes is None else 60 * options.minutes)
    slope = growth_kb(memory)
    if options.json:
        print(json.dumps({"side_px": options.side, "memory_mb": memory, "growth_kb_per_preview": slope}))
        return
    table = Table("previews", "memory [MB]", title=f"Terminal app: {slope} kB per preview in the second half")
    for count, value in memory.items():
        table.add_row(str(count), f"{value:.1f}")
    Console().print(table)


def write_micrographs(folder: Path, side: int) -> None:
    """Write noise; each preview reads one anew."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(MICROGRAPHS):
        write_tiff(folder / f"{number}.tif", rng.normal(100, 10, (side, side)).astype(np.float32), pixel_size_nm=0.02)


def measure(folder: Path, previews: int, duration_s: float | None = None) -> dict[int, float]:
    """Return the resident memory of the app [MB] by the number of previews.

    Args:
        folder: Working folder of the app.
        previews: Number of previews.
        duration_s: Time to step through previews [s], instead of a number of them.
    """
    memory = {}
    with app_terminal(folder, "tui", str(folder)) as app:
        app.read_until(b"no label")
        process, start = psutil.Process(app.pid), time.monotonic()
        for number in itertools.count():
            elapsed_s = time.monotonic() - start
            if number % PER_REPORT == 0:
                memory[number] = round(process.memory_info().rss / 1e6, 1)
                print(f"{elapsed_s:.0f} s, {number} previews: {memory[number]} MB", file=sys.stderr, flush=True)
            if number >= previews if duration_s is None else elapsed_s >= duration_s:
                return memory
            app.write(b".")
            read_picture(app)


def read_picture(app: AppTerminal) -> None:
    """Read until a whole picture has come: something, and then nothing for a while."""
    end = time.perf_counter() + LIMIT_S
    while not app.drain(SILENCE_S):
        if time.perf_counter() > end:
            raise SystemExit(f"the app showed no picture within {LIMIT_S:.0f} s")
    while app.drain(SILENCE_S):
        pass


def growth_kb(memory: dict[int, float]) -> float:
    """Return the slope over the second half [kB per preview].

    >>> growth_kb({0: 100.0, 25: 120.0, 50: 121.0, 75: 122.0})
    40.0
    """
    counts = sorted(memory)[len(memory) // 2 :]
    slope, _ = np.polyfit(counts, [memory[count] for count in counts], 1)
    return round(1000 * float(slope), 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--previews", type=int, default=300, help="number of previews")
    parser.add_argument("--minutes", type=float, help="time to step through previews, instead of a number of them")
    parser.add_argument("--side", type=int, default=1024, help="side of the micrographs [px]")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
