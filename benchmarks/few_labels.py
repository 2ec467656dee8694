"""Few labels: dice at every coverage by normalization, by the number of labelled micrographs, and from a model.

Simulate the micrographs first, 6 at each coverage (about 3 minutes):

    python benchmarks/few_labels.py --pool POOL --simulate

Then run: python benchmarks/few_labels.py --pool POOL [--frames FRAMES] [--parts levels,coverage,sizes,start,next]

FRAMES holds images/ and masks/ of bright-field micrographs, such as the sintering frames. Three micrographs of each
coverage are for training and three for testing; all normalizations see the same ones. One network, n3-p222, recipe
`best` with fewer epochs on patches of 128 px; a training takes about a minute on two idle cores.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tem_rf.architecture import Architecture
from tem_rf.config.preparation import Normalization, PreprocessingSettings
from tem_rf.config.training import training_settings
from tem_rf.data.preprocess import normalize_micrograph
from tem_rf.data.sources import find_pairs, read_labelled
from tem_rf.metrics.dice import hard_dice
from tem_rf.models.backend import import_keras

PARTICLES = (0, 1, 2, 4, 6, 9, 12, 16, 20, 25, 32)  # per micrograph, of 9 nm, which may overlap
CONDITIONS = {"a": "--dose 16", "b": "--dose 4 --carbon-nm 8:20"}
COMMON = (
    "--count 6 --size-px 256 --minimum-gap-nm=-4 --diameter-nm 9 --diameter-spread 0.2 --touching 0.2"  # one command
)
EDGES = (0.01, 0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 0.97)
TRAINED_ON = {"dense": (0.5, 0.8), "sparse": (0.08, 0.3), "mixed": (0.03, 0.95)}
NETWORK, PATCH_PX, BATCH = "n3-p222", 128, 8


@dataclass(frozen=True, eq=False)
class Labelled:
    """A micrograph with its label."""

    pixels: np.ndarray
    mask: np.ndarray

    @property
    def coverage(self) -> float:
        """Fraction of particle pixels."""
        return float(self.mask.mean())


def main() -> None:
    options = _options()
    if options.simulate:
        _simulate(options.pool)
        return
    if options.parts != "levels":
        import_keras()
    rows: list[dict[str, Any]] = []
    for part in options.parts.split(","):
        for seed in map(int, options.seeds.split(",")):
            for row in PARTS[part](options, seed):
                rows.append({"part": part, "seed": seed, **row})
                print(json.dumps(rows[-1]) if options.json else rows[-1], file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps(rows))
        return
    _print(rows)


def _coverage(options: argparse.Namespace, seed: int) -> Iterator[dict[str, Any]]:
    """Trained on a part of the coverages, tested on all."""
    training, test = _pool(options.pool)
    for kind in options.kinds.split(","):
        low, high = TRAINED_ON[kind]
        chosen = [one for one in training if low < one.coverage < high]
        np.random.default_rng(0).shuffle(chosen)  # type: ignore[arg-type]
        for normalization in options.normalizations.split(","):
            network = _train(chosen[:6], normalization, seed, options.epochs)
            yield {"trained on": kind, "normalization": normalization, **_by_coverage(network, test, normalization)}


def _sizes(options: argparse.Namespace, seed: int) -> Iterator[dict[str, Any]]:
    """Three, six and twelve micrographs of any coverage, the smaller sets part of the larger; as many steps each."""
    training, test = _pool(options.pool)
    chosen = [one for one in training if one.coverage > 0]
    np.random.default_rng(seed).shuffle(chosen)  # type: ignore[arg-type]
    for count in (3, 6, 12):
        network = _train(chosen[:count], "robust", seed, options.epochs * 12 // count)
        yield {"micrographs": count, "normalization": "robust", **_by_coverage(network, test, "robust")}


def _start(options: argparse.Namespace, seed: int) -> Iterator[dict[str, Any]]:
    """Three real frames from the model that ships for bright field, against all of them from scratch."""
    from tem_rf.inference.model import load_exported_network
    from tem_rf.saved_models import SHIPPED_MODELS

    frames = list(_read(options.frames))
    np.random.default_rng(0).shuffle(frames)  # type: ignore[arg-type]
    test, pool = frames[:6], frames[6:]
    shipped = load_exported_network(SHIPPED_MODELS / "bright-field", Architecture.from_name(NETWORK))
    yield {"training": "the model that ships", "epochs": 0, **_scores(shipped, test, "standard")}
    scratch = _train(pool, "robust", seed, options.epochs, patches=4)
    yield {"training": f"{len(pool)} from scratch", "epochs": options.epochs, **_scores(scratch, test, "robust")}
    few = max(1, options.epochs // 5)
    tuned = _train(pool[:3], "standard", seed, few, start=shipped, recipe="finetune")
    yield {"training": "3 from the model", "epochs": few, **_scores(tuned, test, "standard")}


def _levels(options: argparse.Namespace, seed: int) -> Iterator[dict[str, Any]]:
    """Without a network: the threshold that is best for dense images, applied to all coverages. Ignores the seed."""
    from scipy import ndimage

    training, test = _pool(options.pool)
    sets = {"simulated": ([*training, *test], 0.5, 0.8)}
    if options.frames is not None:
        windows = [
            Labelled(pixels, mask)
            for one in _read(options.frames)
            for pixels, mask in zip(_cut(one.pixels), _cut(one.mask), strict=True)
        ]
        sets["windows of the frames"] = (windows, 0.3, 0.7)
    for name, (images, low, high) in sets.items():
        images = [one for one in images if 0.03 < one.coverage < 0.97]
        is_dense = np.array([low < one.coverage < high for one in images])
        for normalization in NORMALIZATIONS:
            levels = [ndimage.gaussian_filter(_normalized(one, normalization), 2) for one in images]
            pixels = np.concatenate([one.ravel()[::50] for one, dense in zip(levels, is_dense, strict=True) if dense])
            masks = np.stack([one.mask for one in images])
            thresholds = np.linspace(*np.percentile(pixels, [2, 98]), 40)
            dice = np.stack([hard_dice(np.stack(levels) < threshold, masks) for threshold in thresholds])
            chosen = dice[np.argmax(dice[:, is_dense].mean(axis=1))]
            yield {
                "images": f"{len(images)} {name}",
                "normalization": normalization,
                "dense": round(float(chosen[is_dense].mean()), 3),
                "all coverages": round(float(chosen.mean()), 3),
                "minimum": round(float(chosen.min()), 3),
            }


def _next(options: argparse.Namespace, seed: int) -> Iterator[dict[str, Any]]:
    """From three dense micrographs: add those that are suggested, or random ones."""
    from tem_rf.labelling.suggestions import describe_patch, select_patches
    from tem_rf.models.probability import particle_probability

    training, test = _pool(options.pool)
    dense = [one for one in training if 0.5 < one.coverage < 0.8][:3]
    left = [one for one in training if all(one is not other for other in dense)]
    images = [_normalized(one, "robust") for one in left]
    network = _train(dense, "robust", seed, options.epochs)
    yield {"labels": 3, "added": "none", **_by_coverage(network, test, "robust")}
    views = [np.rot90(np.stack(images), turns, axes=(1, 2)) for turns in range(4)]
    seen = [
        np.rot90(particle_probability(np.asarray(network(view[..., np.newaxis], training=False))), -turns, axes=(1, 2))
        for turns, view in enumerate(views)
    ]
    spread, found = np.std(seen, axis=0).mean(axis=(1, 2)), np.mean(seen, axis=0).mean(axis=(1, 2))
    described = np.stack([describe_patch(image, share) for image, share in zip(images, found, strict=True)])
    labelled = np.stack([describe_patch(_normalized(one, "robust"), one.coverage) for one in dense])
    for count in (3, 6):
        suggested = [left[index] for index, *_ in select_patches(spread / (found + 0.05), described, labelled, count)]
        drawn = np.random.default_rng(seed).choice(len(left), count, replace=False)
        for name, added in (("suggested", suggested), ("random", [left[index] for index in drawn])):
            network = _train([*dense, *added], "robust", seed, options.epochs)
            yield {"labels": 3 + count, "added": name, **_by_coverage(network, test, "robust")}


NORMALIZATIONS: tuple[Normalization, ...] = ("standard", "robust", "percentile", "min-max")
PARTS = {"levels": _levels, "coverage": _coverage, "sizes": _sizes, "start": _start, "next": _next}


def _train(
    labelled: Sequence[Labelled],
    normalization: Normalization,
    seed: int,
    epochs: int,
    *,
    patches: int | None = None,
    start: Any = None,
    recipe: str = "best",
) -> Any:
    """Train a network as `tem_rf.training` does, in memory and without validation: the last epoch is kept."""
    from tem_rf.models.unet import build_unet
    from tem_rf.training.batches import epoch_order, load_batch, split_into_batches
    from tem_rf.training.objective import objective
    from tem_rf.training.optimizer import build_optimizer
    from tem_rf.training.steppers.base import build_stepper, make_repeatable

    images = np.stack([patch for one in labelled for patch in _cut(_normalized(one, normalization))[:patches]])
    labels = np.stack([patch for one in labelled for patch in _cut(one.mask.astype(np.uint8))[:patches]])
    make_repeatable(seed)
    architecture, settings = Architecture.from_name(NETWORK), training_settings(recipe, epochs=epochs)
    model = build_unet(architecture, seed=seed)
    if start is not None:
        model.set_weights(start.get_weights())
    optimizer = build_optimizer(settings, model, len(images) * 8 // BATCH)
    stepper = build_stepper(model, optimizer, architecture, objective(settings.loss))
    for epoch in range(1, epochs + 1):
        for order in split_into_batches(epoch_order(np.arange(len(images)), seed=seed, epoch=epoch), BATCH):
            batch = load_batch(images, labels, order)
            stepper.train(batch.images, batch.labels, patches_at_once=BATCH)
    stepper.write_back()
    return model


def _by_coverage(network: Any, test: Sequence[Labelled], normalization: Normalization) -> dict[str, Any]:
    dice, film = _dice(network, test, normalization)
    coverage = np.array([one.coverage for one in test])
    bins = {
        f"{low:.0%}-{high:.0%}": round(float(dice[(coverage >= low) & (coverage < high)].mean()), 3)
        for low, high in pairwise(EDGES)
        if ((coverage >= low) & (coverage < high)).any()
    }
    asked_for = dice[(coverage >= 0.05) & (coverage <= 0.85)]
    return {
        "dice": round(float(dice[coverage > 0].mean()), 3),
        "minimum from 5 to 85 %": round(float(asked_for.min()), 3),
        "below 0.85": f"{(asked_for < 0.85).sum()} of {len(asked_for)}",
        "film marked": round(float(np.mean(film)), 3) if film else None,
        **bins,
    }


def _scores(network: Any, test: Sequence[Labelled], normalization: Normalization) -> dict[str, Any]:
    dice, _ = _dice(network, test, normalization)
    return {"images": len(dice), "dice": round(float(dice.mean()), 4), "minimum": round(float(dice.min()), 4)}


def _dice(network: Any, test: Sequence[Labelled], normalization: Normalization) -> tuple[np.ndarray, list[float]]:
    """Hard dice of each image, and the marked fraction of each without particles."""
    dice, film = [], []
    for one in test:
        logits = np.asarray(network(_normalized(one, normalization)[None, ..., None], training=False))[0]
        mask = logits[..., 1] > logits[..., 0]
        dice.append(float(hard_dice(mask[None], one.mask[None])[0]))
        if not one.mask.any():
            film.append(float(mask.mean()))
    return np.array(dice), film


def _normalized(one: Labelled, normalization: Normalization) -> np.ndarray:
    settings = PreprocessingSettings(normalization=normalization)
    return normalize_micrograph(one.pixels, settings)


def _cut(image: np.ndarray) -> list[np.ndarray]:
    height, width = image.shape
    return [
        image[row : row + PATCH_PX, column : column + PATCH_PX]
        for row in range(0, height - PATCH_PX + 1, PATCH_PX)
        for column in range(0, width - PATCH_PX + 1, PATCH_PX)
    ]


def _pool(folder: Path) -> tuple[list[Labelled], list[Labelled]]:
    training, test = [], []
    for condition in CONDITIONS:
        for particles in sorted(PARTICLES, key=str):
            micrographs = list(_read(folder / f"{condition}{particles}", empty=True))
            test += micrographs[:3]
            training += micrographs[3:]
    return training, test


def _read(folder: Path, *, empty: bool = False) -> Iterator[Labelled]:
    from tem_rf.config.reading import reading_settings

    reading = reading_settings(empty_is_background=empty)
    for pair in find_pairs(folder, None, reading):
        for one in read_labelled(pair, None, reading=reading):
            yield Labelled(one.micrograph.pixels.astype(np.float32), one.mask)


def _simulate(folder: Path) -> None:
    for number, particles in enumerate(PARTICLES):
        for offset, (condition, changes) in enumerate(CONDITIONS.items(), start=1):
            command = ["simulate", "au-20nm-lowres", *COMMON.split(), *changes.split(), "--particles", str(particles)]
            command += ["--seed", str(100 * offset + number + 1), "--output", str(folder / f"{condition}{particles}")]
            subprocess.run([sys.executable, "-m", "tem_rf", *command], check=True)


def _print(rows: Sequence[dict[str, Any]]) -> None:
    for part in dict.fromkeys(row["part"] for row in rows):
        own = [row for row in rows if row["part"] == part]
        table = Table(title=part)
        for name in dict.fromkeys(key for row in own for key in row if key != "part"):
            table.add_column(name)
        for row in own:
            table.add_row(*(str(row.get(column.header, "")) for column in table.columns))
        Console().print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, default=Path("few-labels"), help="folder of the simulated micrographs")
    parser.add_argument("--simulate", action="store_true", help="simulate them, and nothing else")
    parser.add_argument("--frames", type=Path, help="labelled real frames, for the part `start`")
    parser.add_argument("--parts", default="levels,coverage,sizes", help=f"of {','.join(PARTS)}")
    parser.add_argument("--seeds", default="752,2245,140")
    parser.add_argument("--epochs", type=int, default=8, help="epochs of a training")
    parser.add_argument("--kinds", default="dense,sparse,mixed", help="coverages to train on, for `coverage`")
    parser.add_argument("--normalizations", default="standard,robust", help="for `coverage`")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
