"""CPU time and memory of simulating one micrograph; the simulator uses one core.

Run: python benchmarks/simulate.py [--sizes 512,2048] [--presets au-5nm,au-20nm-lowres] [--json]
Takes about 2 minutes on a core of its own. The first micrograph of a process also makes the atoms of the film.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from tem_rf.config.simulation import PRESETS, simulation_settings
from tem_rf.data.simulation.simulate import simulate_micrograph

COLUMNS = ("preset", "size_px", "first_cpu_s", "next_cpu_s", "megapixels_per_s", "peak_mb")


def main() -> None:
    options = _options()
    rows = [
        _in_own_process(preset, int(size_px))
        for preset in options.presets.split(",")
        for size_px in options.sizes.split(",")
    ]
    if options.json:
        print(json.dumps({"simulate": rows}))
        return
    table = Table(*COLUMNS, title="Simulating micrographs, one core each")
    for row in rows:
        table.add_row(*(str(row[column]) for column in COLUMNS))
    Console().print(table)


def measure(preset: str, size_px: int, repeats: int = 2) -> dict[str, Any]:
    """Simulate micrographs one after the other; measure CPU time, because other work on the machine may interfere."""
    settings = simulation_settings(preset, size_px=size_px)
    seconds = []
    for seed in range(repeats + 1):
        start = time.process_time()
        simulate_micrograph(settings, seed=seed)
        seconds.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kB on Linux, bytes on macOS
    next_cpu_s = min(seconds[1:])
    return {
        "preset": preset,
        "size_px": size_px,
        "first_cpu_s": round(seconds[0], 2),
        "next_cpu_s": round(next_cpu_s, 2),
        "megapixels_per_s": round(size_px**2 / next_cpu_s / 1e6, 3),
        "peak_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10)),
    }


def _in_own_process(preset: str, size_px: int) -> dict[str, Any]:
    """Measure in a fresh process, without a cached film and with its own memory peak."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (preset, size_px))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="512,2048", help="sizes [px], separated by commas")
    parser.add_argument("--presets", default="au-5nm,au-20nm-lowres", help=f"of {', '.join(PRESETS)}")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
