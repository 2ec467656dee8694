"""Speed and memory of preparing micrographs, compared with reading and writing the same bytes with NumPy.

Run: python benchmarks/prepare.py [--count 100] [--size-px 4096] [--json]
Takes about 2 minutes and 15 GB of disk for 100 micrographs of 4096 px. Target: at least half the speed of NumPy.
"""

import argparse
import json
import multiprocessing
import multiprocessing.connection
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tem_rf.config.preparation import PreparationSettings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.tiff import write_tiff

PATCH_PX = 512
SPIKES = 20  # x-rays per micrograph


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        write_micrographs(folder, options.count, options.size_px)
        numpy_s, _ = _in_own_process(copy_with_numpy, folder)
        prepare_s, peak_mb = _in_own_process(prepare, folder)
    micrograph_mb = options.size_px**2 * 2 / 2**20
    result = {
        "micrographs": options.count,
        "size_px": options.size_px,
        "numpy_s": round(numpy_s, 2),
        "prepare_s": round(prepare_s, 2),
        "relative_speed": round(numpy_s / prepare_s, 3),
        "micrographs_per_s": round(options.count / prepare_s, 2),
        "micrograph_mb": micrograph_mb,
        "peak_mb": round(peak_mb),
    }
    if options.json:
        print(json.dumps(result))
        return
    table = Table("", "value", title="Preparing micrographs")
    for key, value in result.items():
        table.add_row(key, str(value))
    Console().print(table)


def write_micrographs(folder: Path, count: int, size_px: int) -> None:
    """Write 16-bit micrographs and 8-bit labels: a dark disc in every patch, Poisson noise, x-ray spikes."""
    random = np.random.default_rng(0)
    y, x = np.ogrid[:PATCH_PX, :PATCH_PX]
    patches_per_side = size_px // PATCH_PX
    for index in range(count):
        disc = (y - PATCH_PX // 2) ** 2 + (x - PATCH_PX // 2) ** 2 < random.uniform(50, 200) ** 2
        counts = random.poisson(np.where(disc, 500, 600)).astype(np.uint16)
        image, mask = (np.tile(patch, (patches_per_side, patches_per_side)) for patch in (counts, disc))
        image[tuple(random.integers(1, len(image) - 1, (2, SPIKES)))] = 9000
        write_tiff(folder / "images" / f"m{index:03}.tif", image, pixel_size_nm=0.02)
        write_tiff(folder / "labels" / f"m{index:03}.tif", mask)


def copy_with_numpy(folder: Path) -> None:
    """Read every file and write as many bytes as the dataset will contain."""
    output = folder / "copy"
    with output.open("wb") as file:
        for path in sorted((folder / "images").iterdir()):
            counts = np.fromfile(path, np.uint8)
            labels = np.fromfile(folder / "labels" / path.name, np.uint8)
            for _ in range(2):  # 16 bits become 32
                counts.tofile(file)
            labels.tofile(file)
    output.unlink()


def prepare(folder: Path) -> None:
    """Prepare with the settings of the study."""
    prepare_dataset(folder, folder / "dataset", settings=PreparationSettings())


def _in_own_process(task: Callable[[Path], None], folder: Path) -> tuple[float, float]:
    """Seconds and peak memory [MiB] of a task."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(task, folder, sender))
    process.start()
    result = receiver.recv()
    process.join()
    return result


def _measure(task: Callable[[Path], None], folder: Path, sender: multiprocessing.connection.Connection) -> None:
    start = time.perf_counter()
    task(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kB on Linux, bytes on macOS
    sender.send((time.perf_counter() - start, peak / (2**20 if sys.platform == "darwin" else 2**10)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100, help="micrographs")
    parser.add_argument("--size-px", type=int, default=4096, help="side of a micrograph")
    parser.add_argument("--folder", type=Path, help="working folder; default: the folder for temporary files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
