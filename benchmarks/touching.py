"""Touching particles: connected regions, necks, and the distance that a network gives, on the same masks.

Run: python benchmarks/touching.py --work FOLDER [--seeds 752,2245,140] [--epochs 10] [--choose] [--json]

Simulates gold particles of 2.2 nm of which 9 in 10 touch, overlap or have grown together, in FOLDER: 24 micrographs to
train on, 16 to choose the settings of the split on, 64 to test on, each set with its own seed. Trains a network without
and with a distance output for every seed, and scores the test micrographs against the simulated particles. What is in
FOLDER already is used again. About 5 minutes of processor time for the micrographs and 4 for each training.

With --choose it prints the scores on the 16 micrographs over a grid of the settings of the split instead.
"""

import argparse
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tem_rf.data.instances import read_instances
from tem_rf.data.readers import read_micrograph
from tem_rf.metrics.dice import hard_dice
from tem_rf.particles.mask import disc_area_px, resolve_min_diameter_px
from tem_rf.particles.scores import ParticleScores, add_scores, score_particles
from tem_rf.particles.split import number_particles, renumber, split_at_necks, split_components

SETS = {"train": (24, 1001), "validation": (16, 2002), "test": (64, 3003)}  # micrographs, seed
SIMULATION = (  # film, focus and surface are those of the preset when the table of docs/experiments.md was measured
    "au-2.2nm --pixel-size-nm 0.04304 --touching 0.9 --coverage 0.3 "
    "--carbon-nm 4:6 --defocus-nm 20:50 --defocus-sign both --surface-disorder 1"
)
PREPARATION = "--patch-size 256 --train-count 16 --validation-count 4 --test-count 4"
NETWORK = "n2-p44"
GRID = {"blur_px": (1.0, 2.0, 3.0, 4.0), "neck": (0.8, 0.85, 0.9, 0.95)}


@dataclass(frozen=True, eq=False)
class Segmented:
    """A test micrograph as one network sees it.

    Attributes:
        truth: (h, w) int, the simulated particles.
        mask: (h, w) bool.
        distance: (h, w) float32; None if the network does not give it.
        dice: Hard dice of the mask.
    """

    truth: np.ndarray
    mask: np.ndarray
    distance: np.ndarray | None
    dice: float


def main() -> None:
    options = _options()
    for name, (count, seed) in SETS.items():
        output = options.work / name
        _tem_rf("simulate", *SIMULATION.split(), "--count", count, "--seed", seed, "--output", output)
    dataset, labels = options.work / "dataset", options.work / "train" / "instances"
    if not (dataset / "dataset.json").exists():
        images = options.work / "train" / "images"
        _tem_rf("prepare", images, "--labels", labels, *PREPARATION.split(), "--output", dataset)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    for network, seed in itertools.product((NETWORK, f"{NETWORK}-distance"), seeds):
        _tem_rf("train", dataset, "--network", network, "--epochs", options.epochs, "--seed", seed,
                "--name", f"{network}-{seed}", "--runs", options.work / "runs")  # fmt: skip
    results = _choose(options.work, seeds) if options.choose else _test(options.work, seeds)
    if options.json:
        print(json.dumps({"simulation": SIMULATION, "epochs": options.epochs, "seeds": seeds, "rows": results}))
        return
    _print(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for micrographs and runs")
    parser.add_argument("--seeds", default="752,2245,140")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--choose", action="store_true", help="print a grid of settings on the validation micrographs")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _tem_rf(*arguments: Any) -> None:
    command = [sys.executable, "-m", "tem_rf", *map(str, arguments)]
    print(" ".join(command[2:]), file=sys.stderr)
    subprocess.run(command, check=True, stdout=sys.stderr)


def _test(work: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
    rows = []
    for network in (NETWORK, f"{NETWORK}-distance"):
        images = {seed: list(_segmented(work / "runs" / f"{network}-{seed}", work / "test")) for seed in seeds}
        rows += [_row(network, method, images, split) for method, split in _methods(network).items()]
    return rows


def _methods(network: str) -> dict[str, Callable[[Segmented, float], np.ndarray]]:
    methods: dict[str, Callable[[Segmented, float], np.ndarray]] = {
        "connected regions": lambda one, area: number_particles(one.mask, min_area_px=area),
        "necks": lambda one, area: number_particles(one.mask, min_area_px=area, split_touching=True),
    }
    if network != NETWORK:
        methods["necks and distance"] = lambda one, area: number_particles(
            one.mask, min_area_px=area, split_touching=True, distance=one.distance
        )
        methods["necks and distance, labelled mask"] = lambda one, area: number_particles(
            one.truth > 0, min_area_px=area, split_touching=True, distance=one.distance
        )
    else:
        methods["necks, labelled mask"] = lambda one, area: number_particles(
            one.truth > 0, min_area_px=area, split_touching=True
        )
    return methods


def _choose(work: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
    images = {
        seed: list(_segmented(work / "runs" / f"{NETWORK}-distance-{seed}", work / "validation")) for seed in seeds
    }
    rows = []
    for values in itertools.product(*GRID.values()):
        settings = dict(zip(GRID, values, strict=True))

        def split(one: Segmented, area: float, settings: dict[str, float] = settings) -> np.ndarray:
            regions = number_particles(one.mask, min_area_px=area)
            assert one.distance is not None
            distance = one.distance
            parts = split_components(regions, lambda part, place: split_at_necks(part, distance[place], **settings))
            return renumber(parts, area)

        rows.append(_row("", ", ".join(f"{name} {value:g}" for name, value in settings.items()), images, split))
    return sorted(rows, key=lambda row: -row["panoptic_quality"][0])


def _segmented(run: Path, folder: Path) -> Iterator[Segmented]:
    from tem_rf.models.backend import import_keras

    import_keras()
    from tem_rf.inference.model import load_segmenter
    from tem_rf.inference.predict import segment_by_ensemble

    segmenter = load_segmenter(run)
    for path in sorted((folder / "images").glob("*.tif")):
        micrograph = read_micrograph(path)
        truth, _ = read_instances(folder / "instances" / path.name, micrograph.pixels.shape)
        found = segment_by_ensemble([segmenter], micrograph, with_distance=True)
        dice = float(hard_dice(found.probability[np.newaxis], (truth > 0)[np.newaxis])[0])
        yield Segmented(truth, found.mask, found.distance, dice)


def _row(
    network: str,
    method: str,
    images: dict[int, list[Segmented]],
    split: Callable[[Segmented, float], np.ndarray],
) -> dict[str, Any]:
    """Scores of a method: mean and standard deviation over the seeds; particles of all images count alike."""
    area = disc_area_px(resolve_min_diameter_px(0.04304))
    by_seed: list[ParticleScores] = [
        add_scores([score_particles(split(one, area), renumber(one.truth, area)) for one in seen])
        for seen in images.values()
    ]
    values = {
        "f1_at_0.5": [one.instances.f1()[0] or 0.0 for one in by_seed],
        "f1_at_0.75": [one.instances.f1()[5] or 0.0 for one in by_seed],
        "panoptic_quality": [one.instances.panoptic_quality or 0.0 for one in by_seed],
        "merged": [float(one.merged) for one in by_seed],
        "split": [float(one.split) for one in by_seed],
        "dice": [fmean(one.dice for one in seen) for seen in images.values()],
    }
    spreads = {name: [fmean(each), stdev(each) if len(each) > 1 else None] for name, each in values.items()}
    return {"network": network, "method": method, "labelled": by_seed[0].labelled, **spreads}


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(title=f"{rows[0]['labelled']} labelled particles; mean ± sd over seeds")
    for column in rows[0]:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console(width=200).print(table)


def _cell(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    mean, spread = value
    digits = 0 if mean >= 2 else 3
    return f"{mean:.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")


if __name__ == "__main__":
    main()
