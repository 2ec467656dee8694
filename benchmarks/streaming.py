"""Compare the speed of training with patches read from disk and with patches in memory.

Run: python benchmarks/streaming.py [--micrographs 10] [--steps 12] [--repeats 5] [--json]
Takes about 5 minutes on 2 cores and 2 GB of disk. After every step all of the dataset is dropped from memory, as if it
were far larger than that, so each patch comes from the disk; `read_mb_per_patch` shows that it does. The two rows take
turns. Targets: the same speed within 10 %, and less than 5 % of the time spent waiting for data.
"""

import argparse
import json
import mmap
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from prepare import write_micrographs
from rich.console import Console
from rich.table import Table

from tem_rf.architecture import Architecture
from tem_rf.config.preparation import PreparationSettings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.prepared import IMAGES_FILE, LABELS_FILE, PreparedDataset, open_dataset
from tem_rf.models.unet import build_unet
from tem_rf.training.batches import PrefetchedBatches, epoch_order, load_batch, split_into_batches
from tem_rf.training.steppers.base import Stepper, build_stepper, make_repeatable

SIZE_PX = 4096
MEMORY, DISK = "memory", "disk"


@dataclass
class Row:
    """A source of patches, and the times of training from it.

    Attributes:
        images: (n, h, w) float32.
        labels: (n, h, w) uint8.
        after_step: Called after every step.
        seconds: Time of each turn [s].
        waited: Part of each turn that was spent waiting for data.
        read_bytes: Read from the disk in all turns.
    """

    images: np.ndarray
    labels: np.ndarray
    after_step: Callable[[], None]
    seconds: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    read_bytes: int = 0


def main() -> None:
    options = _options()
    make_repeatable(752)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        dataset = new_dataset(Path(name), options.micrographs)
        result = measure(dataset, options)
    if options.json:
        print(json.dumps(result))
        return
    table = Table("", "value", title="Training from memory and from the disk")
    for key, value in result.items():
        table.add_row(key, str(value))
    Console().print(table)


def new_dataset(folder: Path, micrographs: int) -> PreparedDataset:
    """Make a dataset of 64 patches of 512 px per micrograph, written to disk."""
    write_micrographs(folder, micrographs, SIZE_PX)
    dataset = prepare_dataset(folder, folder / "dataset", settings=PreparationSettings())
    os.sync()  # unwritten pages cannot be dropped from memory
    return open_dataset(dataset.folder)


def measure(dataset: PreparedDataset, options: argparse.Namespace) -> dict[str, Any]:
    """Train from both in turns."""
    stepper = new_stepper(options.network)
    rows = {
        MEMORY: Row(np.array(dataset.images), np.array(dataset.labels), lambda: None),
        DISK: Row(dataset.images, dataset.labels, lambda: drop_from_memory(dataset)),
    }
    order = epoch_order(dataset.indices("train"), seed=752, epoch=1)
    batches = split_into_batches(order, options.batch_size)
    for row in rows.values():
        take_turn(row, stepper, batches[:2])  # compiles
        row.seconds.clear(), row.waited.clear()
        row.read_bytes = 0
    for turn in range(options.repeats):
        start = turn * options.steps % (len(batches) - options.steps)
        for row in rows.values():
            take_turn(row, stepper, batches[start : start + options.steps])
    patches = options.steps * options.batch_size
    speeds = {name: patches / statistics.median(row.seconds) for name, row in rows.items()}
    return {
        "network": options.network,
        "dataset_mb": round((dataset.images.nbytes + dataset.labels.nbytes) / 1e6),
        **{f"{name}_patches_per_s": round(speed, 2) for name, speed in speeds.items()},
        "ratio": round(speeds[DISK] / speeds[MEMORY], 3),
        **{f"{name}_input_wait": round(statistics.median(row.waited), 4) for name, row in rows.items()},
        "read_mb_per_patch": round(rows[DISK].read_bytes / 1e6 / patches / options.repeats, 3),
        "loading_alone_patches_per_s": round(loading_speed(dataset, batches[: options.steps]), 1),
    }


def new_stepper(network: str) -> Stepper:
    """The training step as `tem-rf train` takes it."""
    architecture = Architecture.from_name(network)
    model = build_unet(architecture, seed=752)
    optimizer = keras.optimizers.Adam(1e-4)
    optimizer.build(model.trainable_variables)
    return build_stepper(model, optimizer, architecture)


def take_turn(row: Row, stepper: Stepper, orders: list[np.ndarray]) -> None:
    """Train some batches, read ahead as `tem-rf train` reads them."""
    read_before, start = bytes_read(), time.perf_counter()
    with PrefetchedBatches(row.images, row.labels, orders) as batches:
        for batch in batches:
            stepper.train(batch.images, batch.labels, patches_at_once=len(batch.images))
            row.after_step()
        duration_s = time.perf_counter() - start
        row.seconds.append(duration_s)
        row.waited.append(batches.waited_s / duration_s)
    row.read_bytes += bytes_read() - read_before


def loading_speed(dataset: PreparedDataset, orders: list[np.ndarray]) -> float:
    """Return the patches/s read from disk, the limit if training steps took no time."""
    start = time.perf_counter()
    for order in orders:
        load_batch(dataset.images, dataset.labels, order)
        drop_from_memory(dataset)
    return sum(map(len, orders)) / (time.perf_counter() - start)


def drop_from_memory(dataset: PreparedDataset) -> None:
    """Drop the patches from memory, so that the next access reads them from disk."""
    for stack, name in ((dataset.images, IMAGES_FILE), (dataset.labels, LABELS_FILE)):
        stack._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]  # mapped pages would be kept
        with (dataset.folder / name).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def bytes_read() -> int:
    """Return the number of bytes that this process has read from disk so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["read_bytes"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="n2-p22", help="network that is trained")
    parser.add_argument("--batch-size", type=int, default=8, help="patches per step")
    parser.add_argument("--micrographs", type=int, default=10, help="micrographs of 4096 px in the dataset")
    parser.add_argument("--steps", type=int, default=12, help="steps of a turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each row")
    parser.add_argument("--folder", type=Path, help="working folder, on a real disk; default: that of temporary files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
