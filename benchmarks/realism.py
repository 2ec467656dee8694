"""Realism of simulated micrographs: scores of networks trained on real ones, and statistics compared with real ones.

Run: python benchmarks/realism.py --real FOLDER --networks FOLDER [--printed-px 132] [--all] [--json]
     python benchmarks/realism.py --real FOLDER --preset mine.json --printed-px 0 [--all]

FOLDER of real micrographs holds images/ and masks/ (or labels/); their sizes are told apart by the start of the name,
such as 5nm_0.png. With --preset all of them are compared with that one. Networks are published files (.h5), of which
every one found is scored with the scaling that its authors used, or saved models. Real micrographs that were printed
small are compared with simulated ones that are reduced to as many pixels and enlarged again. Takes about 3 minutes.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.reduction import reduce_and_enlarge
from tem_rf.data.simulation.appearance import BANDS_PER_NM, EDGE_PX, PERCENTILES, Appearance, measure_appearance, spread
from tem_rf.data.simulation.micrograph import simulate_micrograph
from tem_rf.data.sources import find_pairs, read_labelled
from tem_rf.errors import DatasetError

PRESETS = {"2p2nm": "au-2.2nm", "5nm": "au-5nm", "10nm": "au-10nm"}
LARGE = "10nm"
SIZE_PX = 512  # of the patches that are compared
FIELD_PX = 640  # of the micrographs of large particles, whose middle is compared


def main() -> None:
    options = _options()
    changes = json.loads(options.settings)
    kinds = options.kinds.split(",") if options.kinds else list(PRESETS)
    presets = {"all": options.preset} if options.preset else {kind: PRESETS[kind] for kind in kinds}
    real = _real(options.real, options.pixel_size_nm, only_kind="all" if options.preset else None)
    sets = {
        kind: list(_simulated(preset, options.count, options.seed, options.printed_px, changes))
        for kind, preset in presets.items()
    }
    result: dict[str, Any] = {
        "count": options.count,
        "seed": options.seed,
        "settings": changes,
        "dice": _dice_of_networks(options.networks, sets, with_printed=options.dice_printed)
        if options.networks
        else {},
        "appearance": {
            kind: {
                "simulated": [asdict(one["appearance"]) for one in images if one["appearance"]],
                "real": [asdict(one) for one in real.get(kind, [])],
            }
            for kind, images in sets.items()
        },
    }
    result["outside"] = [row for row in _compared(result["appearance"]) if row["outside"] or options.all]
    if options.json:
        print(json.dumps(result))
        return
    _print_tables(result, options.all)


def _simulated(
    preset: str, count: int, seed: int, printed_px: int, changes: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    size_px = FIELD_PX if preset == PRESETS[LARGE] else SIZE_PX
    settings = simulation_settings(preset, **({"size_px": size_px} | changes))
    first = max(settings.size_px - SIZE_PX, 0) // 2
    middle = np.s_[first : first + SIZE_PX, first : first + SIZE_PX]
    for index in range(count):
        micrograph = simulate_micrograph(settings, seed=seed + index)
        pixels, mask = micrograph.pixels[middle], micrograph.mask[middle]
        shown = reduce_and_enlarge(pixels, pixels.shape[1] / printed_px) if printed_px else pixels
        try:
            appearance = measure_appearance(shown, mask, settings.pixel_size_nm)
        except DatasetError:
            appearance = None  # no particle in the field of view
        yield {"pixels": pixels, "printed": shown, "mask": mask, "appearance": appearance}


def _real(folder: Path | None, pixel_size_nm: float | None, only_kind: str | None) -> dict[str, list[Appearance]]:
    real: dict[str, list[Appearance]] = {}
    for pair in find_pairs(folder, None) if folder else ():
        for labelled in read_labelled(pair, pixel_size_nm):
            kind = only_kind or pair.image.stem.split("_")[0]
            real.setdefault(kind, []).append(
                measure_appearance(labelled.micrograph.pixels, labelled.mask, labelled.micrograph.pixel_size_nm)
            )
    return real


def _dice_of_networks(
    folder: Path, sets: dict[str, list[dict[str, Any]]], *, with_printed: bool
) -> dict[str, dict[str, Any]]:
    """Hard dice of each network on each set, as recorded and printed: mean and sd over images with particles."""
    dice: dict[str, dict[str, Any]] = {}
    for name, segment in _networks(folder):
        for kind, images in sets.items():
            for shown in ("pixels", "printed") if with_printed else ("pixels",):
                scores = [_hard_dice(segment(one[shown]), one["mask"]) for one in images if one["mask"].any()]
                dice.setdefault(name, {})[f"{kind} {shown}"] = [float(np.mean(scores)), float(np.std(scores))]
    return dice


def _networks(folder: Path) -> Iterator[tuple[str, Any]]:
    from tem_rf.models.merging import compile_inference
    from tem_rf.models.published_unet import build_published_unet
    from tem_rf.models.published_weights import published_normalization, read_published_network

    for path in sorted(folder.glob("*.h5")):
        network = read_published_network(path)
        logits_of = compile_inference(build_published_unet(network), network.architecture)
        is_min_max = published_normalization(network.architecture) == "min-max"

        def segment(pixels: np.ndarray, logits_of: Any = logits_of, is_min_max: bool = is_min_max) -> np.ndarray:
            pixels = pixels.astype(np.float32)
            if is_min_max:  # without hot and dead pixels, which would set the scale
                low, high = np.percentile(pixels, (0.01, 99.99))
                image = np.clip((pixels - low) / (high - low), 0, 1)
            else:
                image = (pixels - pixels.mean()) / pixels.std()
            logits = logits_of(image[None, ..., None].astype(np.float32))
            return logits[0, ..., 1] > logits[0, ..., 0]

        yield path.stem.removesuffix("_model").removeprefix("UNet_"), segment
    for path in sorted(folder.glob("*/model.json")):
        from tem_rf.data.micrograph import Micrograph
        from tem_rf.inference.model import load_segmenter
        from tem_rf.inference.predict import segment_micrograph

        segmenter = load_segmenter(path.parent)
        yield (
            path.parent.name,
            lambda pixels, segmenter=segmenter: (
                segment_micrograph(segmenter, Micrograph(pixels, segmenter.card.pixel_size_nm)).mask
            ),
        )


def _hard_dice(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((2 * (mask & truth).sum() + 1) / (mask.sum() + truth.sum() + 1))


def _compared(appearance: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Return minimum, mean and maximum per measure and kind, and whether the simulated mean is in the real range."""
    names = ["contrast", "sd_ratio"]
    lists = {
        "power": [f"{low:g}-{high:g} /nm" for low, high in BANDS_PER_NM],
        "percentiles": [f"{one:g} %" for one in PERCENTILES],
        "edge": [f"{one:+d} px" for one in EDGE_PX],
    }
    paths: list[tuple[str, int | None]] = [(name, None) for name in names]
    labels = list(names)
    for name, parts in lists.items():
        for index, part in enumerate(parts):
            paths.append((name, index))
            labels.append(f"{'histogram' if name == 'percentiles' else name} {part}")
    for kind, both in appearance.items():
        for label, (name, index) in zip(labels, paths, strict=True):
            simulated, real = (
                spread([one[name] if index is None else one[name][index] for one in both[side]])
                for side in ("simulated", "real")
            )
            if np.isfinite(simulated[1]) and np.isfinite(real[1]):
                outside = not real[0] <= simulated[1] <= real[2]
                yield {"kind": kind, "measure": label, "simulated": simulated, "real": real, "outside": outside}


def _print_tables(result: dict[str, Any], show_all: bool) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = 160  # a row is a line in a file
    if result["dice"]:
        columns = list(next(iter(result["dice"].values())))
        table = Table("network", *columns, title="Hard dice on simulated sets (printed: reduced and enlarged)")
        for name, scores in result["dice"].items():
            table.add_row(name, *(f"{scores[column][0]:.3f} ± {scores[column][1]:.3f}" for column in columns))
        console.print(table)
    title = "Simulated beside real" if show_all else "Where the simulated mean lies outside the real range"
    table = Table("set", "measure", "simulated minimum, mean, maximum", "real minimum, mean, maximum", title=title)
    for row in result["outside"]:
        cells = (" ".join(f"{value:8.3f}" for value in row[side]) for side in ("simulated", "real"))
        table.add_row(row["kind"], row["measure"] + (" *" if show_all and row["outside"] else ""), *cells)
    console.print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, help="folder of real micrographs with masks")
    parser.add_argument("--networks", type=Path, help="folder of published networks and saved models")
    parser.add_argument("--pixel-size-nm", type=float, help="of the real micrographs, where the files do not give it")
    parser.add_argument("--preset", help="preset, or .json file of one, to compare with all real micrographs")
    parser.add_argument(
        "--printed-px", type=int, default=132, help="side at which the real ones were printed; 0: not printed"
    )
    parser.add_argument("--count", type=int, default=24, help="simulated micrographs of each kind")
    parser.add_argument("--seed", type=int, default=100, help="seed of the first")
    parser.add_argument("--kinds", help=f"kinds among {', '.join(PRESETS)}, separated by commas")
    parser.add_argument("--settings", default="{}", help="JSON of settings that differ from the presets")
    parser.add_argument("--dice-printed", action="store_true", help="also score networks on printed micrographs")
    parser.add_argument(
        "--all", action="store_true", help="print all measures; a star marks those outside the real range"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
