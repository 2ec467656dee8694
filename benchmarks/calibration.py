"""Expected calibration error of a model on labelled micrographs, without and with a temperature.

Run: python benchmarks/calibration.py MODEL FOLDER [FOLDER ...] [--temperature T] [--most 20] [--json]

The temperature is that of the model's card unless it is given. Beside it the temperature that would fit each folder
best, and the negative log-likelihood, which a temperature that fits must lower.
"""

import argparse
import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tem_rf.data.pixels import resample_mask
from tem_rf.data.sources import find_pairs, read_labelled
from tem_rf.inference.model import Segmenter, load_segmenter
from tem_rf.inference.predict import segment_micrograph
from tem_rf.metrics.calibration import UNCALIBRATED, MarginHistogram
from tem_rf.models.probability import margin_of


def main() -> None:
    """Print a row per folder, and one for all of them together."""
    options = _options()
    segmenter = load_segmenter(options.model)
    temperature = options.temperature or segmenter.temperature
    together, rows, images = MarginHistogram(), [], 0
    for folder in options.folder:
        one, count = MarginHistogram(), 0
        for margins, label, unsure in islice(_margins(segmenter, folder), options.most):
            for histogram in (one, together):
                histogram.add(margins, label, unsure)
            count += 1
        images += count
        rows.append(_row(folder.name, count, one, temperature))
    rows.append(_row("all", images, together, temperature))
    if options.json:
        print(json.dumps({"model": segmenter.name, "temperature": temperature, "rows": rows}, indent=1))
        return
    table = Table(*rows[0], title=f"{segmenter.name}, temperature {temperature:.3f}")
    for row in rows:
        table.add_row(*(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values()))
    Console().print(table)


def _margins(segmenter: Segmenter, folder: Path) -> Any:
    plain = replace(segmenter, temperature=UNCALIBRATED)
    for pair in find_pairs(folder, None):
        for labelled in read_labelled(pair, None):
            margins = margin_of(segment_micrograph(plain, labelled.micrograph).probability)
            unsure = None if labelled.unsure is None else resample_mask(labelled.unsure, margins.shape)
            yield margins, resample_mask(labelled.mask, margins.shape), unsure


def _row(name: str, images: int, histogram: MarginHistogram, temperature: float) -> dict[str, Any]:
    return {
        "micrographs": name,
        "number": images,
        "ECE before": histogram.reliability().error,
        "ECE after": histogram.reliability(temperature).error,
        "NLL before": histogram.negative_log_likelihood(),
        "NLL after": histogram.negative_log_likelihood(temperature),
        "best temperature": histogram.fit_temperature(),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder of an exported model or a run")
    parser.add_argument("folder", type=Path, nargs="+", help="labelled micrographs")
    parser.add_argument("--temperature", type=float, help="temperature; default: that of the model")
    parser.add_argument("--most", type=int, default=20, help="maximum number of micrographs of a folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
