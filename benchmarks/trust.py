"""Verdicts of `tem-rf segment` compared with the truth: expected dice, flagged masks, and what they cost.

Run: python benchmarks/trust.py [--model NAME ...] [--specimens 36] [--labelled NAME=FOLDER[@NM] ...] [--json]

Micrographs are simulated with seeds that no record was fitted to, under doses, defoci, sizes, pixel sizes and contrasts
drawn at random between and beyond the places of the map. Noise, blanks, text and photographs are others than those that
records are fitted to. `@NM` is the pixel size of labelled files that have none. Takes about 5 minutes per model.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import skimage.data
from rich.console import Console
from rich.table import Table
from scipy import ndimage

from tem_rf.config.segmentation import segment_settings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.pixels import resample_mask
from tem_rf.data.sources import find_pairs, read_labelled
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ReadError
from tem_rf.metrics.dice import hard_dice
from tem_rf.saved_models import SHIPPED_MODELS, models_in
from tem_rf.trust.conditions import held_out_conditions
from tem_rf.trust.kinds import EMPTY, INVERTED
from tem_rf.trust.record import TRUSTED_DICE

SEED = 1000  # of the records of the included models, which leaves the held-out specimens to them
PHOTOGRAPHS = (
    *("astronaut", "camera", "coins", "coffee", "cat", "moon", "rocket", "brick", "grass", "gravel", "horse", "clock"),
    *("hubble_deep_field", "retina", "page", "text"),
)
Row = dict[str, Any]


def main() -> None:
    options = _options()
    from tem_rf.models.backend import import_keras

    import_keras()
    results = {name: _model(name, options) for name in options.model}
    if options.json:
        print(json.dumps(results, indent=1))
        return
    for name, result in results.items():
        table = Table("images", "number", "dice", "error of expected dice", "poor flagged", "good flagged", title=name)
        for images, row in result["images"].items():
            cells = (row["number"], row["dice"], row["mean_absolute_error"], row["poor_flagged"], row["good_flagged"])
            table.add_row(images, *("–" if cell is None else f"{cell:.3g}" for cell in cells))
        Console().print(table)
        for size, cost in result["time"].items():
            verdict_ms, segment_ms = 1e3 * cost["verdict_s"], 1e3 * cost["segment_s"]
            print(f"{name}, {size} px: {verdict_ms:.0f} ms of {segment_ms:.0f} ms, {cost['share']:.1%}")


def _model(name: str, options: argparse.Namespace) -> Row:
    from tem_rf.inference.model import load_segmenter

    segmenter = load_segmenter(SHIPPED_MODELS / name)
    if segmenter.trust is None:
        raise SystemExit(f"{name} has no record; make one with `tem-rf trust`.")
    conditions = held_out_conditions(segmenter.trust.tried_on, options.specimens, seed=options.seed)
    rows = [_judged(segmenter, one.pixels, one.mask, one.pixel_size_nm) | {"kind": one.kind} for one in conditions]
    images = {
        "simulated": _summary([row for row in rows if row["kind"] != EMPTY]),
        "of these, not changed": _summary([row for row in rows if not row["kind"]]),
        "simulated, inverted": _summary([row for row in rows if row["kind"] == INVERTED], are_poor=True),
        "simulated, without particles": _summary([row for row in rows if row["kind"] == EMPTY], are_poor=True),
    }
    others: dict[str, list[Row]] = {}
    for kind, image in other_images():
        try:
            row = _judged(segmenter, image, np.zeros(image.shape, bool), segmenter.pixel_size_nm)
        except ReadError:  # a constant image is refused
            continue
        others.setdefault(kind, []).append(row)
    images |= {kind: _summary(found, are_poor=True) for kind, found in others.items()}
    for text in options.labelled:
        title, _, place = text.partition("=")
        folder, _, size = place.partition("@")
        found, inverted = [], []
        for pair in find_pairs(Path(folder), None):
            for one in read_labelled(pair, None):
                pixels = one.micrograph.pixels.astype(np.float32)
                size_nm = float(size) if size else one.micrograph.pixel_size_nm
                found.append(_judged(segmenter, one.micrograph.pixels, one.mask, size_nm))
                inverted.append(_judged(segmenter, pixels.max() - pixels, one.mask, size_nm))
        images |= {title: _summary(found), f"{title}, inverted": _summary(inverted, are_poor=True)}
    return {"images": images, "time": {side: _cost(segmenter, side) for side in (512, 2048)}}


def _judged(segmenter: Any, pixels: np.ndarray, mask: np.ndarray, pixel_size_nm: float | None) -> Row:
    from tem_rf.inference.predict import segment_micrograph

    result = segment_micrograph(segmenter, Micrograph(pixels, pixel_size_nm))
    verdict, label = result.verdict, resample_mask(mask, result.mask.shape)
    assert verdict is not None
    dice = float(hard_dice(result.probability[None], label[None])[0]) if label.any() else 0.0
    return {
        "dice": dice,
        "expected": verdict.expected_dice,
        "flagged": not verdict.is_trusted,
        "within": verdict.low <= dice <= verdict.high,
    }


def _summary(rows: list[Row], *, are_poor: bool = False) -> Row:
    """Errors and shares; images that have no particles, or the other contrast, are poor whatever their dice is."""
    dice = np.array([row["dice"] for row in rows])
    flagged = np.array([row["flagged"] for row in rows], bool)
    is_inverted = np.array([row.get("kind") == INVERTED for row in rows], bool)
    is_good = np.zeros(len(rows), bool) if are_poor else (dice >= TRUSTED_DICE) & ~is_inverted
    return {
        "number": len(rows),
        "dice": float(dice.mean()) if rows else None,
        "mean_absolute_error": float(np.mean([abs(row["dice"] - row["expected"]) for row in rows])) if rows else None,
        "within_interval": float(np.mean([row["within"] for row in rows])) if rows else None,
        "poor": int((~is_good).sum()),
        "poor_flagged": float(flagged[~is_good].mean()) if (~is_good).any() else None,
        "good": int(is_good.sum()),
        "good_flagged": float(flagged[is_good].mean()) if is_good.any() else None,
    }


def other_images() -> Iterator[tuple[str, np.ndarray]]:
    """Yield images that are no micrographs, with their kind."""
    random = np.random.default_rng(99)
    for side in (256, 400, 512):
        yield "white noise", random.normal(100, 10, (side, side))
        yield "white noise", random.poisson(20, (side, side)).astype(np.float64)
        for width in (1, 2, 4, 8):
            yield "correlated noise", ndimage.gaussian_filter(random.normal(0, 1, (side, side)), width)
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
        frequency[0, 0] = 1
        for power in (1, 1.5, 2):
            spectrum = np.fft.rfft2(random.normal(0, 1, (side, side))) / frequency**power
            yield "correlated noise", np.fft.irfft2(spectrum, s=(side, side))
        blank = np.full((side, side), 1000.0)
        yield "blank", blank + random.normal(0, 0.01, (side, side))
        blank[0, 0] = 1001
        yield "blank", blank
        for share in (0.01, 0.05, 0.2):
            chance, image = random.random((side, side)), np.full((side, side), 128.0)
            image[chance < share / 2], image[chance > 1 - share / 2] = 0, 255
            yield "salt and pepper", image
    for name in PHOTOGRAPHS:
        image = np.asarray(getattr(skimage.data, name)(), np.float64)
        grey = image[..., :3].mean(axis=-1) if image.ndim == 3 else image
        yield ("text" if name in ("page", "text") else "photographs"), grey[:700, :700]


def _cost(segmenter: Any, side: int) -> Row:
    """Time of `segment` with a verdict, and the part that measuring and judging takes, side by side."""
    from tem_rf.inference.file import segment_file
    from tem_rf.trust.statistics import measure
    from tem_rf.trust.verdict import judge

    image = next(iter(held_out_conditions(segmenter.trust.tried_on, 1, seed=SEED))).pixels
    repeats = -(-side // min(image.shape))
    counts = np.tile(image, (repeats, repeats))[:side, :side]
    normalized = (counts - counts.mean()).astype(np.float32)
    probability = np.random.default_rng(0).random(counts.shape, np.float32)
    whole, part = [], []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.tif"
        write_tiff(path, counts, pixel_size_nm=segmenter.pixel_size_nm)
        for _ in range(4):  # the first one is for warming up
            start = time.process_time()
            segment_file([replace(segmenter)], path, Path(folder) / "out", segment_settings(), overwrite=True)
            whole.append(time.process_time() - start)
            start = time.process_time()
            judge(segmenter.trust, measure(normalized, probability))
            part.append(time.process_time() - start)
    segment_s, verdict_s = float(np.median(whole[1:])), float(np.median(part[1:]))
    return {"segment_s": segment_s, "verdict_s": verdict_s, "share": verdict_s / segment_s}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [folder.name for folder in models_in(SHIPPED_MODELS)]
    parser.add_argument("--model", nargs="+", default=names, choices=names, help="included models to try")
    parser.add_argument(
        "--specimens", type=int, default=36, help="simulated specimens, each under four doses and defoci"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the record, whose held-out specimens are taken")
    parser.add_argument("--labelled", nargs="*", default=[], metavar="NAME=FOLDER[@NM]", help="labelled micrographs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
