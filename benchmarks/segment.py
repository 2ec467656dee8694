"""Speed of segmenting a large micrograph on CPU, compared with PyTorch, and memory.

Run: pip install -e '.[benchmark]'; python benchmarks/segment.py [--repeats 3] [--memory-sizes 1024,4096] [--json]
     python benchmarks/segment.py --many [--count 40] [--frames 200] [--json]
The first takes about 6 minutes on 2 cores. Every row starts from the same raw counts and ends with a mask; the rows
take turns, and the networks have the same weights and are checked to give the same logits. PyTorch segments patches of
512 px without context, as the study does, which is less work than tiles that leave no seams. On busy cores compare with
OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1, since PyTorch's threads wait for each other by counting. Target: 5 times
PyTorch eager, 2 times PyTorch channels-last.

--many segments many files and a movie, as `tem-rf segment` does, beside the network alone; and the files with a network
that takes no time, as on a GPU. Targets on two cores: at most 1.25 times the network's time; without it at least 12
images a second.
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
from dataclasses import replace
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
from tem_rf.inference.model_choice import NetworkChoice, Networks

OURS, EAGER, CHANNELS_LAST = "tem-rf", "pytorch eager", "pytorch channels-last"
MAX_DIFFERENCE = 1e-4  # of logits; float32 sums differ with their order
PATCH_PX = 512  # of the study
PIXEL_SIZE_NM = 0.05
DISC_EVERY_PX, DISC_RADIUS_PX = 128, 30
IMAGE_PX, FRAME_PX = 2048, 1024  # of --many

Segment = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    options = _options()
    if options.child:
        _segment_file(options.child)
        return
    if options.many:
        print_many(measure_many(options.network, options.count, options.frames), as_json=options.json)
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
    """Segment a file, or the images of --many in a folder."""
    from tem_rf.config.segmentation import SegmentSettings
    from tem_rf.inference.file import segment_file
    from tem_rf.inference.job import LabelledFile, SegmentJob, segment_files
    from tem_rf.models.unet import build_unet

    architecture = Architecture.from_name(_options().network)
    model = build_unet(architecture, seed=752)
    _let_bright_pixels_through(model, architecture)
    segmenter = _segmenter(model, architecture)
    if not file.is_dir():
        segment_file([segmenter], file, file.parent / "segmented", SegmentSettings())
        return
    files = [LabelledFile(path) for path in sorted(file.glob("image*.tif"))]
    with tempfile.TemporaryDirectory(dir=file) as output:
        segment_files(files, _OneNetwork(segmenter), SegmentJob(Path(output), SegmentSettings()))


def measure_many(network: str, count: int, frames: int) -> dict[str, Any]:
    """Return times of many files and of a movie, per image [s], with and without the network."""
    import tifffile

    from tem_rf.models.backend import import_keras

    import_keras()
    from tem_rf.models.unet import build_unet

    architecture = Architecture.from_name(network)
    model = build_unet(architecture, seed=752)
    _let_bright_pixels_through(model, architecture)
    segmenter = _segmenter(model, architecture)
    result: dict[str, Any] = {"network": network, "load": [round(os.getloadavg()[0], 1)], "rows": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, frame = (np.concatenate(list(counts_in_bands(size_px))) for size_px in (IMAGE_PX, FRAME_PX))
        images = [folder / f"image{number}.tif" for number in range(count)]
        for path in images:
            tifffile.imwrite(path, image)
        movie = folder / "movie.tif"
        tifffile.imwrite(movie, np.broadcast_to(frame, (frames, *frame.shape)), photometric="minisblack")
        for title, files, counts, number in (
            (f"{count} images of {IMAGE_PX} px", images, image, count),
            (f"{frames} frames of {FRAME_PX} px", [movie], frame, frames),
        ):
            _segment_all(segmenter, files[:1] if number == count else [], folder)  # compiles
            alone = _network_alone(segmenter, counts, number)
            whole = _segment_all(segmenter, files, folder)
            ratios = {"ratio": whole["s"] / alone["s"], "processor_ratio": whole["processor_s"] / alone["processor_s"]}
            result["rows"].append(_row(title, whole, number) | ratios | {"network": alone})
        child = subprocess.Popen([sys.executable, __file__, "--child", str(folder), "--network", network])
        result["peak_memory_mb"] = _watch(child)
        instant = replace(segmenter, logits=_remembered(segmenter.logits))
        _segment_all(instant, images[:1], folder)
        for pictures in ("small", "none"):
            title = f"{count} images without a network, pictures {pictures}"
            result["rows"].append(_row(title, _segment_all(instant, images, folder, pictures), count))
    result["load"].append(round(os.getloadavg()[0], 1))
    return result


def _row(title: str, times: dict[str, float], number: int) -> dict[str, Any]:
    return {
        "title": title,
        **times,
        "images_per_s": number / times["s"],
        "processor_s_per_image": times["processor_s"] / number,
    }


def _network_alone(segmenter: Segmenter, counts: np.ndarray, number: int) -> dict[str, float]:
    """Time within the network while nothing else runs [s]."""
    from tem_rf.inference.predict import segment_micrograph

    spent = {"s": 0.0, "processor_s": 0.0}

    def logits(images: np.ndarray) -> np.ndarray:
        start, processor_start = time.perf_counter(), time.process_time()
        result = segmenter.logits(images)
        spent["s"] += time.perf_counter() - start
        spent["processor_s"] += time.process_time() - processor_start
        return result

    for _ in range(number):
        segment_micrograph(replace(segmenter, logits=logits), Micrograph(counts, PIXEL_SIZE_NM))
    return spent


def _segment_all(segmenter: Segmenter, files: list[Path], folder: Path, pictures: Any = "small") -> dict[str, float]:
    from tem_rf.config.segmentation import SegmentSettings
    from tem_rf.inference.job import LabelledFile, SegmentJob, segment_files

    with tempfile.TemporaryDirectory(dir=folder) as output:
        job = SegmentJob(Path(output), SegmentSettings(pixel_size_nm=PIXEL_SIZE_NM), pictures=pictures)
        start, processor_start = time.perf_counter(), time.process_time()
        segment_files([LabelledFile(file) for file in files], _OneNetwork(segmenter), job)
        return {"s": time.perf_counter() - start, "processor_s": time.process_time() - processor_start}


class _OneNetwork(Networks):
    """A network for all files."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__(NetworkChoice((Path("benchmark"),), Path()))
        self._segmenter = segmenter

    def segmenters(self, file: Path, **rest: Any) -> list[Segmenter]:
        return [self._segmenter]


def _remembered(logits: Segment) -> Segment:
    """A network that takes no time: it remembers what it has seen, by shape and one corner."""
    known: dict[tuple[tuple[int, ...], bytes], np.ndarray] = {}

    def remembered(images: np.ndarray) -> np.ndarray:
        key = images.shape, images[0, :4, :4].tobytes()
        if key not in known:
            known[key] = logits(images)
        return known[key]

    return remembered


def print_many(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    table = Table(
        *("", "s", "network alone s", "ratio", "ratio of processor times", "images/s", "processor s per image"),
        title=result["network"],
    )
    for row in result["rows"]:
        alone = row.get("network")
        times = [f"{alone['s']:.1f}", f"{row['ratio']:.2f}", f"{row['processor_ratio']:.2f}"] if alone else [""] * 3
        rates = f"{row['images_per_s']:.1f}", f"{row['processor_s_per_image']:.3f}"
        table.add_row(row["title"], f"{row['s']:.1f}", *times, *rates)
    Console().print(table)
    print(f"peak memory of the images [MB]: {result['peak_memory_mb']}; load before and after: {result['load']}")


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
    parser.add_argument("--many", action="store_true", help="measure many files and a movie")
    parser.add_argument("--count", type=int, default=40, help="images of --many")
    parser.add_argument("--frames", type=int, default=200, help="frames of the movie of --many")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
