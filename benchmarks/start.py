"""How long commands take that do little: `tem-rf --help`, and `tem-rf segment` of one micrograph of 1024 px.

    python benchmarks/start.py --repeats 5 --json

Wall and processor time of whole processes, the minimum and the median of the repeats.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import tifffile


def main() -> None:
    """Time both commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--model", default="au-hrtem")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.tif"
        counts = np.random.default_rng(0).poisson(200, (1024, 1024)).astype(np.uint16)
        tifffile.imwrite(image, counts, resolution=(1e7 / 0.02152, 1e7 / 0.02152), resolutionunit="CENTIMETER")
        segment = ["segment", str(image), "--model", options.model, "--overwrite", "--output", f"{folder}/out"]
        found = {
            "help": _times(["--help"], options.repeats),
            "segment one image": _times(segment, options.repeats),
        }
    print(json.dumps(found) if options.json else "\n".join(f"{name}: {times}" for name, times in found.items()))


def _times(arguments: list[str], repeats: int) -> dict[str, list[float]]:
    """Minimum and median of wall and processor time [s]."""
    times = []
    for _ in range(repeats):
        began, before = time.perf_counter(), _processor_s()
        subprocess.run([sys.executable, "-m", "tem_rf", *arguments], check=True, capture_output=True)
        times.append((time.perf_counter() - began, _processor_s() - before))
    wall, processor = zip(*times, strict=True)
    return {
        name: [round(min(each), 2), round(median(each), 2)]
        for name, each in (("wall_s", wall), ("processor_s", processor))
    }


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
