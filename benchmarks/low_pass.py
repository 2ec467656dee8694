"""Hard dice of models on labelled micrographs as recorded, and as printed, binned or blurred.

Run: python benchmarks/low_pass.py FOLDER --models NAME_OR_FOLDER [...] [--views 8] [--pixel-size-nm 0.02] [--json]

FOLDER holds images/ and masks/ (or labels/). Each image is segmented as `tem-rf segment` does, without rescaling.
Without --treatments, micrographs are scored only as they are: use that for files that were printed before.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tem_rf.data.micrograph import Micrograph
from tem_rf.data.reduction import reduce_and_enlarge
from tem_rf.data.sources import find_pairs, read_labelled
from tem_rf.inference.model import load_segmenter
from tem_rf.inference.predict import segment_by_ensemble
from tem_rf.metrics.dice import hard_dice
from tem_rf.saved_models import SHIPPED_MODELS

DRIFT_PX = 8


def main() -> None:
    options = _options()
    treatments = TREATMENTS if options.treatments else {"recorded": lambda pixels: pixels}
    pairs = [
        labelled for pair in find_pairs(options.folder, None) for labelled in read_labelled(pair, options.pixel_size_nm)
    ]
    result = {
        f"{model} {name}".strip(): {
            one.name: _dice(segmenters, one.micrograph, one.mask, treatment, options.views) for one in pairs
        }
        for model, segmenters in _segmenters(options.models, together=options.together).items()
        for name, treatment in treatments.items()
    }
    if options.json:
        print(json.dumps(result))
        return
    table = Table("model", "mean ± sd", "minimum", *(one.name for one in pairs), title=f"{len(pairs)} micrographs")
    for name, scores in result.items():
        values = np.array(list(scores.values()))
        summary = f"{values.mean():.3f} ± {values.std(ddof=1):.3f}", f"{values.min():.3f}"
        table.add_row(name, *summary, *(f"{value:.2f}" for value in values))
    Console(width=200).print(table)


def _binned(factor: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda pixels: reduce_and_enlarge(pixels, factor, down="box", up="bilinear")


def _drifted(pixels: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    return np.asarray(ndimage.uniform_filter1d(pixels.astype(np.float32), DRIFT_PX, axis=1, mode="reflect"))


def _blurred(pixels: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(pixels.astype(np.float32), 3))


TREATMENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "recorded": lambda pixels: pixels,
    "printed at a quarter": lambda pixels: reduce_and_enlarge(pixels, 512 / 132),
    "binned by 2": _binned(2),
    "binned by 4": _binned(4),
    f"drift of {DRIFT_PX} px": _drifted,
    "blur of 3 px": _blurred,
}


def _segmenters(names: list[str], *, together: bool) -> dict[str, list[Any]]:
    paths = {name: SHIPPED_MODELS / name if (SHIPPED_MODELS / name).is_dir() else Path(name) for name in names}
    loaded = {Path(name).name: [load_segmenter(path)] for name, path in paths.items()}
    return {"average": [one for several in loaded.values() for one in several]} if together else loaded


def _dice(
    segmenters: list[Any],
    micrograph: Micrograph,
    truth: np.ndarray,
    treatment: Callable[[np.ndarray], np.ndarray],
    views: int,
) -> float:
    treated = Micrograph(treatment(micrograph.pixels), micrograph.pixel_size_nm, micrograph.path)
    mask = segment_by_ensemble(segmenters, treated, transforms=views).mask
    return float(hard_dice(mask[np.newaxis], truth[np.newaxis])[0])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="micrographs and masks")
    parser.add_argument("--models", nargs="+", default=["au-hrtem"], help="included models, model folders or runs")
    parser.add_argument("--together", action="store_true", help="average the models")
    parser.add_argument("--views", type=int, default=1, help="rotated and mirrored views to average, up to 8")
    parser.add_argument("--pixel-size-nm", type=float, help="overrides the one in the files")
    parser.add_argument("--treatments", action="store_true", help="also print, bin and blur the micrographs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
