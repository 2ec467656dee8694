"""Speed of segmenting a large micrograph on CPU, compared with PyTorch, and memory.

Run: pip install -e '.[benchmark]'; python benchmarks/segment.py [--repeats 3] [--memory-sizes 1024,4096] [--json]
Takes about 6 minutes on 2 cores. Every row starts from the same raw counts and ends with a mask; the rows take turns,
and the networks have the same weights and are checked to give the same logits. PyTorch segments patches of 512 px
without context, as the study does, which is less work than tiles that leave no seams. On busy cores compare with
OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1, since PyTorch's threads wait for each other by counting. Target: 5 times
PyTorch eager, 2 times PyTorch channels-last.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from tem_rf.architecture import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.preprocess import normalize_micrograph
from tem_rf.inference.model import Segmenter

OURS, EAGER, CHANNELS_LAST = "tem-rf", "pytorch eager", "pytorch channels-last"
MAX_DIFFERENCE = 1e-4  # of logits; float32 sums differ with their order
PATCH_PX = 512  # of the study
PIXEL_SIZE_NM = 0.05
DISC_EVERY_PX, DISC_RADIUS_PX = 128, 30

Segment = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    options = _options()
    if options.child:
        _segment_file(options.child)
        return
    result: dict[str, Any] = {"network": options.network}
    if not options.without_speed:
        result |= measure_speed(Architecture.from_name(options.network), options.size, options.repeats)
    sizes = [int(size) for size in options.memory_sizes.split(",") if size]
    result["peak_memory_mb"] = {size: peak_memory_mb(size, options.network) for size in sizes}
    if options.json:
        print(json.dumps(result))
        return
    if not options.without_speed:
        table = Table("", "s", "processor s", "tem-rf is faster by", title=f"{options.network}, {options.size} px")
        for kind, seconds in result["seconds"].items():
            ratio = seconds / result["seconds"][OURS]
            table.add_row(kind, f"{seconds:.2f}", f"{result['processor_s'][kind]:.2f}", f"{ratio:.2f}")
        Console().print(table)
    table = Table(
        "image", "resident, maps included", "of it no file's", "time", title="peak memory of the whole process"
    )
    for size, row in result["peak_memory_mb"].items():
        table.add_row(f"{size} px", f"{row['resident']} MB", f"{row['anonymous']} MB", f"{row['seconds']} s")
    Console().print(table)


def measure_speed(architecture: Architecture, size_px: int, repeats: int) -> dict[str, Any]:
    """Return median times per image, and the ratios of PyTorch's times to ours."""
    import torch

    counts = np.concatenate(list(counts_in_bands(size_px)))
    rows = segmenting_rows(architecture)
    seconds: dict[str, list[float]] = {kind: [] for kind in rows}
    processor: dict[str, list[float]] = {kind: [] for kind in rows}
    for segment in rows.values():
        segment(counts[:1024, :1024])  # compiles
    for _ in range(repeats):
        for kind, segment in rows.items():
            start, processor_start = time.perf_counter(), time.process_time()
            segment(counts)
            seconds[kind].append(time.perf_counter() - start)
            processor[kind].append(time.process_time() - processor_start)
    medians = {kind: statistics.median(times) for kind, times in seconds.items()}
    processor_medians = {kind: statistics.median(times) for kind, times in processor.items()}
    return {
        "size_px": size_px,
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "seconds": {kind: round(value, 2) for kind, value in medians.items()},
        "processor_s": {kind: round(value, 2) for kind, value in processor_medians.items()},
        "ratio_to_pytorch_eager": round(medians[EAGER] / medians[OURS], 2),
        "ratio_to_pytorch_best": round(min(medians[EAGER], medians[CHANNELS_LAST]) / medians[OURS], 2),
        "processor_ratio_to_pytorch_eager": round(processor_medians[EAGER] / processor_medians[OURS], 2),
        "processor_ratio_to_pytorch_best": round(
            min(processor_medians[EAGER], processor_medians[CHANNELS_LAST]) / processor_medians[OURS], 2
        ),
    }


def segmenting_rows(architecture: Architecture) -> dict[str, Segment]:
    """Return functions from raw counts to a mask, one per implementation, all with the same weights."""
    import torch
    from pytorch_unet import with_weights_of

    from tem_rf.inference.predict import segment_micrograph
    from tem_rf.models.unet import build_unet

    model = build_unet(architecture, seed=752)
    segmenter = _segmenter(model, architecture)
    networks = [with_weights_of(model, architecture).eval() for _ in range(2)]
    probe = np.random.default_rng(1).normal(size=(1, 256, 256, 1)).astype(np.float32)
    with torch.no_grad():
        theirs = networks[0](torch.from_numpy(probe.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)
    for name, logits in ((OURS, segmenter.logits(probe)), ("the live model", np.asarray(model(probe, training=False)))):
        if (difference := np.abs(logits - theirs).max()) > MAX_DIFFERENCE:
            sys.exit(f"The logits of {name} differ by {difference:g}: the networks compared are not the same.")
    networks[1].to(memory_format=torch.channels_last)
    return {
        OURS: lambda counts: segment_micrograph(segmenter, Micrograph(counts, PIXEL_SIZE_NM)).mask,
        EAGER: lambda counts: _segment_by_pytorch(networks[0], counts, torch.contiguous_format),
        CHANNELS_LAST: lambda counts: _segment_by_pytorch(networks[1], counts, torch.channels_last),
    }


def _segment_by_pytorch(network: Any, counts: np.ndarray, memory_format: Any) -> np.ndarray:
    import torch

    image = normalize_micrograph(counts, PreprocessingSettings())
    mask = np.empty(image.shape, bool)
    with torch.no_grad():
        for row in range(0, image.shape[0], PATCH_PX):
            for column in range(0, image.shape[1], PATCH_PX):
                place = (slice(row, row + PATCH_PX), slice(column, column + PATCH_PX))
                patch = torch.from_numpy(np.ascontiguousarray(image[place])[np.newaxis, np.newaxis])
                logits = network(patch.contiguous(memory_format=memory_format))
                mask[place] = torch.softmax(logits, dim=1)[0, 1].numpy() > 0.5
    return mask


def peak_memory_mb(size_px: int, network: str) -> dict[str, float]:
    """Return the peak memory of a process that segments one file, including particles, tables and pictures."""
    import tifffile

    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "micrograph.tif"
        image = tifffile.memmap(file, shape=(size_px, size_px), dtype=np.uint16, bigtiff=size_px > 32_000)
        row = 0
        for band in counts_in_bands(size_px):
            image[row : row + len(band)] = band
            row += len(band)
        del image
        start = time.perf_counter()
        child = subprocess.Popen([sys.executable, __file__, "--child", str(file), "--network", network])
        peaks = _watch(child)
        if child.returncode:
            sys.exit(f"Segmenting {size_px} px ended with {child.returncode}.")
        row_of_table = {**peaks, "seconds": round(time.perf_counter() - start, 1)}
    print(f"{size_px} px: {row_of_table}", file=sys.stderr)
    return row_of_table


def _watch(child: subprocess.Popen) -> dict[str, float]:
    """Return the memory peaks of a process until it ends [MB]: all resident memory, and the part not backed by files.

    What is a file's, the system takes back where memory is short.
    """
    process = psutil.Process(child.pid)
    resident = anonymous = 0
    while child.poll() is None:
        with contextlib.suppress(psutil.Error):
            memory = process.memory_info()
            resident, anonymous = max(resident, memory.rss), max(anonymous, memory.rss - memory.shared)
        time.sleep(0.02)
    return {"resident": round(resident / 2**20), "anonymous": round(anonymous / 2**20)}


def _segment_file(file: Path) -> None:
    from tem_rf.config.segmentation import SegmentSettings
    from tem_rf.inference.file import segment_file
    from tem_rf.models.unet import build_unet

    architecture = Architecture.from_name(_options().network)
    model = build_unet(architecture, seed=752)
    _let_bright_pixels_through(model, architecture)
    segment_file([_segmenter(model, architecture)], file, file.parent / "segmented", SegmentSettings())


def _let_bright_pixels_through(model: Any, architecture: Architecture) -> None:
    """Set weights by hand, so that an untrained network finds exactly the bright discs."""
    for weight in model.weights:
        if weight.path.endswith(("kernel", "bias")):
            weight.assign(np.zeros(weight.shape))
    for place in ("encoder0_skip", "decoder0_skip"):
        kernel = np.zeros(model.get_layer(place).kernel.shape)
        kernel[0, 0, 0, 0] = 1
        model.get_layer(place).kernel.assign(kernel)
    head = np.zeros((1, 1, architecture.filter_sequence[0], 2))
    head[0, 0, 0, 1] = 1
    model.get_layer("head").kernel.assign(head)
    model.get_layer("head").bias.assign([1.0, 0.0])  # particle where a pixel is 1 sd above the mean


def _segmenter(model: Any, architecture: Architecture) -> Segmenter:
    from tem_rf.models.merging import compile_inference

    logits = compile_inference(model, architecture)
    return Segmenter("benchmark", architecture, PreprocessingSettings(), PIXEL_SIZE_NM, logits, "benchmark")


def counts_in_bands(size_px: int) -> Any:
    """Yields (128, size) uint16 counts: bright discs on Poisson noise, one in every square of 128 px."""
    rng = np.random.default_rng(752)
    rows, columns = np.indices((DISC_EVERY_PX, DISC_EVERY_PX)) - DISC_EVERY_PX // 2
    disc = 400.0 * (rows**2 + columns**2 <= DISC_RADIUS_PX**2)
    for _ in range(size_px // DISC_EVERY_PX):
        yield (rng.poisson(100, (DISC_EVERY_PX, size_px)) + np.tile(disc, size_px // DISC_EVERY_PX)).astype(np.uint16)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="n2-p22", help="name of the network")
    parser.add_argument("--size", type=int, default=4096, help="side of the image whose speed is measured [px]")
    parser.add_argument("--repeats", type=int, default=3, help="images of each row")
    parser.add_argument("--without-speed", action="store_true", help="measure the memory only")
    parser.add_argument("--memory-sizes", default="1024,4096,8192,16384", help="sides of images, multiples of 128 px")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
