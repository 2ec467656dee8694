"""Time until a training reaches a dice: the study's recipe in PyTorch against `tem-rf train`.

Run: pip install -e '.[benchmark]'; python benchmarks/time_to_dice.py [--network n2-p22] [--count 12] [--json]
PyTorch trains the recipe `paper` to its end. The time counted is that until the validation hard dice first reaches 0.95
of the dice of its last epoch, for PyTorch and for tem-rf with the recipe `best`, on the same simulated patches; each
starts as a new process, whose imports and compilation count. Processor time is less sensitive to other work on the
machine. The two run one after the other. Takes about 15 minutes on 2 idle cores. Target: 8 times faster.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from pytorch_peer import add_option, peer
from rich.console import Console
from rich.table import Table

from tem_rf.architecture import Architecture
from tem_rf.config.preparation import preparation_settings
from tem_rf.config.simulation import simulation_settings
from tem_rf.config.training import training_settings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.prepared import PreparedDataset
from tem_rf.data.simulation.simulate import simulate_micrographs
from tem_rf.runs.dataset import configure_run
from tem_rf.runs.events import EpochEvent, Event
from tem_rf.runs.folder import RunFolder

SHARE = 0.95  # of the final dice of `paper`
Curve = list[dict[str, Any]]


def main() -> None:
    options = _options()
    if options.run:
        train_ours(RunFolder.open(options.run))
        return
    architecture = Architecture.from_name(options.network)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate_micrographs(
            simulation_settings("au-5nm", size_px=options.size_px),
            folder / "raw",
            count=options.count,
            seed=options.seed,
        )
        settings = preparation_settings(patch_size=options.patch_size)
        dataset = prepare_dataset(folder / "raw", folder / "dataset", settings=settings)
        ours = our_curve(folder, architecture, options)
        theirs = pytorch_curve(folder, dataset, architecture, options)
    result = compare(ours, theirs) | {
        "network": options.network,
        "patch_size_px": options.patch_size,
        "training_patches": len(dataset.indices("train")),
        "seed": options.seed,
    }
    if options.json:
        print(json.dumps(result))
        return
    table = Table(
        "", "epochs", "wall [s]", "processor [s]", title=f"Until a validation hard dice of {result['dice']:.3f}"
    )
    for kind in ("pytorch", "tem_rf"):
        row = result[kind]
        table.add_row(
            kind, *([f"{row[key]:.0f}" for key in ("epoch", "wall_s", "processor_s")] if row else ["never"] * 3)
        )
    Console().print(table)
    Console().print({key: result[key] for key in ("ratio_wall", "ratio_processor", "final_dice")})


def compare(ours: Curve, theirs: Curve) -> dict[str, Any]:
    """Return when each reaches 0.95 of the final dice of PyTorch, and the ratios of PyTorch's times to ours."""
    dice = SHARE * theirs[-1]["validation_hard_dice"]
    reached = {
        kind: next((line for line in curve if line["validation_hard_dice"] >= dice), None)
        for kind, curve in (("pytorch", theirs), ("tem_rf", ours))
    }
    them, us = reached["pytorch"], reached["tem_rf"]
    assert them is not None  # its last epoch does
    return {
        "dice": dice,
        "final_dice": {"pytorch": theirs[-1]["validation_hard_dice"], "tem_rf": ours[-1]["validation_hard_dice"]},
        **reached,
        **{
            f"ratio_{kind}": round(them[f"{kind}_s"] / us[f"{kind}_s"], 2) if us else 0.0
            for kind in ("wall", "processor")
        },
    }


def our_curve(folder: Path, architecture: Architecture, options: argparse.Namespace) -> Curve:
    """Train with `best` in a new process."""
    settings = training_settings("best")
    run = RunFolder.create_or_open(
        folder / "run", configure_run(folder / "dataset", architecture, settings, seed=options.seed)
    )
    command = [sys.executable, __file__, "--run", str(run.path)]
    environment = {**os.environ, "STARTED": str(time.time())}
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def train_ours(run: RunFolder) -> None:
    """Train in this process; print the scores of every epoch."""
    from tem_rf.models.backend import import_keras

    import_keras()
    from tem_rf.training.train import train

    started = float(os.environ["STARTED"])

    def show(event: Event) -> None:
        if isinstance(event, EpochEvent):
            line = {
                "epoch": event.epoch,
                "validation_hard_dice": event.validation_hard_dice,
                "wall_s": time.time() - started,
                "processor_s": time.process_time(),
            }
            print(json.dumps(line), flush=True)

    train(run, listener=show)


def pytorch_curve(
    folder: Path, dataset: PreparedDataset, architecture: Architecture, options: argparse.Namespace
) -> Curve:
    """Train with `paper` in PyTorch, in a new process."""
    shape = {"pooling_sequence": architecture.pooling_sequence, "filter_sequence": architecture.filter_sequence}
    arrays = {
        f"{split}_{kind}": np.asarray(getattr(dataset, kind)[dataset.indices(split)])
        for split in ("train", "validation")
        for kind in ("images", "labels")
    }
    np.savez(folder / "set.npz", shape=json.dumps(shape), **arrays)
    os.environ["STARTED"] = str(time.time())
    epochs = options.epochs or training_settings("paper").epochs
    with peer(options.torch_python, "pytorch_training.py", folder / "set.npz", epochs, options.seed) as (_, lines):
        curve = []
        for line in lines:
            curve.append(json.loads(line))
            print(f"PyTorch: {line.strip()}", file=sys.stderr)
    if len(curve) < epochs:
        sys.exit("PyTorch ended, see above; pip install torch numpy, or name an environment by --torch-python.")
    return curve


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="n2-p22", help="network")
    parser.add_argument("--count", type=int, default=12, help="simulated micrographs")
    parser.add_argument("--size-px", type=int, default=256, help="side of a micrograph [px]")
    parser.add_argument("--patch-size", type=int, default=128, help="side of a patch [px]")
    parser.add_argument("--epochs", type=int, help="epochs of PyTorch; default: as in the recipe `paper`")
    parser.add_argument("--seed", type=int, default=752)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)  # how this script starts itself
    add_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
