"""Speed of a training step on CPU, compared with PyTorch: default, channels-last and compiled.

Run: pip install -e '.[benchmark]'; python benchmarks/train_step.py [--networks n2-p22,n4-p2222] [--repeats 5] [--json]
PyTorch runs in a process of its own, since it crashes beside TensorFlow; --torch-python names another environment.
Takes about 6 minutes on 2 cores. The rows take turns, step by step, so that other work on the machine meets them all;
the networks have the same weights and are checked to give the same logits. Target: 6 times PyTorch eager, 3 times the
best PyTorch; first step within 15 s of the command.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from prepare import write_micrographs
from pytorch_peer import add_option, answer, peer
from rich.console import Console
from rich.table import Table

from tem_rf.architecture import Architecture
from tem_rf.config.preparation import PreparationSettings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.models.unet import build_unet
from tem_rf.runs.events import StepEvent
from tem_rf.runs.folder import RunFolder
from tem_rf.training.steppers.base import build_stepper, make_repeatable

OURS, EAGER = "tem-rf", "pytorch eager"
MAX_DIFFERENCE = 1e-4  # of logits; float32 sums differ with their order
LEARNING_RATE = 1e-4

Step = Callable[[], None]


def main() -> None:
    options = _options()
    make_repeatable(752)
    result: dict[str, Any] = {
        "batch_size": options.batch_size,
        "patch_size_px": options.patch_size,
        "architectures": {name: measure(name, options) for name in options.networks.split(",")},
    }
    if not options.without_start_up:
        result["start_up_s"] = round(start_up_s(), 1)
    if options.json:
        print(json.dumps(result))
        return
    for name, row in result["architectures"].items():
        table = Table(
            "", "patches/s", "tem-rf is faster by", title=f"{name}, {options.batch_size} x {options.patch_size} px"
        )
        for kind, speed in row["patches_per_s"].items():
            table.add_row(kind, f"{speed:.2f}", f"{row['patches_per_s'][OURS] / speed:.2f}")
        Console().print(table)
    if "start_up_s" in result:
        Console().print(f"From the command to the first step: {result['start_up_s']} s")


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return median speeds of one architecture, and the ratios of ours to PyTorch's."""
    architecture = Architecture.from_name(name)
    generator = np.random.default_rng(752)
    size = options.patch_size
    images = generator.normal(size=(options.batch_size, size, size, 1)).astype(np.float32)
    labels = (generator.random(images.shape) > 0.8).astype(np.float32)
    with pytorch_steps(architecture, images, labels, options.torch_python) as peers:
        steps = {OURS: our_step(architecture, images, labels), **peers}
        for step in steps.values():
            step()  # compiles
        seconds: dict[str, list[float]] = {kind: [] for kind in steps}
        for _ in range(options.repeats):
            for kind, step in steps.items():
                start = time.perf_counter()
                step()
                seconds[kind].append(time.perf_counter() - start)
    speeds = {kind: options.batch_size / statistics.median(times) for kind, times in seconds.items()}
    pytorch = {kind: speed for kind, speed in speeds.items() if kind != OURS}
    print(f"{name}: {speeds}", file=sys.stderr)
    return {
        "patches_per_s": {kind: round(speed, 3) for kind, speed in speeds.items()},
        "ratio_to_pytorch_eager": round(speeds[OURS] / speeds[EAGER], 2),
        "ratio_to_pytorch_best": round(speeds[OURS] / max(pytorch.values()), 2),
    }


def our_step(architecture: Architecture, images: np.ndarray, labels: np.ndarray) -> Step:
    """Return a training step of `tem-rf train`, including its scores."""
    model = build_unet(architecture, seed=752)
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build(model.trainable_variables)
    stepper = build_stepper(model, optimizer, architecture)
    return lambda: stepper.train(images, labels, patches_at_once=len(images))


@contextmanager
def pytorch_steps(
    architecture: Architecture, images: np.ndarray, labels: np.ndarray, python: Path
) -> Iterator[dict[str, Step]]:
    """Yield a step of loss, gradients and Adam, without scores, in three PyTorch variants; they run in another process.

    Exit if the two networks do not give the same logits.
    """
    model = build_unet(architecture, seed=752)
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    shape = {
        "pooling_sequence": architecture.pooling_sequence,
        "filter_sequence": architecture.filter_sequence,
        "weights": {name: len(arrays) for name, arrays in weights.items()},
    }
    arrays = {f"{name}/{at}": array for name, each in weights.items() for at, array in enumerate(each)}
    with tempfile.TemporaryDirectory() as folder:
        setup, logits = Path(folder, "setup.npz"), Path(folder, "logits.npy")
        np.savez(setup, shape=json.dumps(shape), images=images, labels=labels, **arrays)
        with peer(python, "pytorch_steps.py", setup, logits) as (requests, answers):
            about = answer(answers)
            difference = np.abs(np.asarray(model(images[:1], training=False)) - np.load(logits)).max()
            if difference > MAX_DIFFERENCE:
                sys.exit(f"The logits differ by {difference:g}: the networks compared are not the same.")

            def step_of(kind: str) -> Step:
                def step() -> None:
                    print(kind, file=requests, flush=True)
                    answer(answers)

                return step

            yield {kind: step_of(kind) for kind in about["steps"]}


def start_up_s() -> float:
    """Return the time from the start of `tem-rf train` to the end of its first step, on a small dataset [s]."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_micrographs(folder, count=10, size_px=512)
        prepare_dataset(folder, folder / "dataset", settings=PreparationSettings())
        command = ["train", str(folder / "dataset"), "--network", "n2-p22", "--batch-size", "8", "--epochs", "1"]
        run = RunFolder(folder / "runs" / "start")
        started = time.time()
        child = subprocess.Popen(
            [sys.executable, "-m", "tem_rf", *command, "--runs", str(run.path.parent), "--name", run.name],
            stderr=subprocess.DEVNULL,
        )
        while not (steps := [event for event in run.events() if isinstance(event, StepEvent)]):
            if child.poll() is not None:
                sys.exit(f"tem-rf {' '.join(command)} ended with {child.returncode} before its first step.")
            time.sleep(0.05)
        child.terminate()
        child.wait()
        return steps[0].time - started


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="n2-p22,n4-p2222", help="networks, separated by commas")
    parser.add_argument("--batch-size", type=int, default=8, help="patches per step")
    parser.add_argument("--patch-size", type=int, default=512, help="side of a patch [px]")
    parser.add_argument("--repeats", type=int, default=5, help="steps of each row")
    add_option(parser)
    parser.add_argument("--without-start-up", action="store_true", help="measure the steps only")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
