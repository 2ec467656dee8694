"""Compare what an exported model gives, run by other programs, with what the run itself gives."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tem_rf.data.micrograph import Micrograph
from tem_rf.export.bioimageio_description import package_sizes
from tem_rf.export.formats import BIOIMAGEIO, KERAS, formats_in, require_packages
from tem_rf.export.runtimes import Runtime, runtimes
from tem_rf.inference.card import ModelCard
from tem_rf.inference.segment import segment_micrograph
from tem_rf.inference.segmenter import Segmenter, load_segmenter
from tem_rf.runs.folder import RunFolder

_BATCHES = (1, 3)
_LEAST_SIDE_PX = 64


@dataclass(frozen=True)
class Comparison:
    """One format, run on micrographs of one size.

    Attributes:
        runtime: Format, and which of its networks.
        shape: Number, height and width of the micrographs [px].
        difference: Largest difference of a probability from that of the run.
    """

    runtime: str
    shape: tuple[int, int, int]
    difference: float


def compare_formats(run: RunFolder, folder: Path) -> Iterator[Comparison]:
    """Run every format in a folder on micrographs of two sizes, one and three at a time.

    Args:
        run: The run that was exported.
        folder: The exported model.

    Yields:
        Four comparisons for each network.

    Raises:
        ModelError: The folder holds no model, or a format needs packages that are not installed.
    """
    card = ModelCard.read(folder)
    segmenter = replace(load_segmenter(run.path), preprocessing=card.preprocessing_inside)
    for one in formats_in(folder):
        require_packages(one)
        shapes = _shapes(card, any_size=one not in (KERAS, BIOIMAGEIO))
        for name, runtime in runtimes(folder, one, card):
            for shape in shapes:
                yield Comparison(name, shape, _difference(runtime, segmenter, _micrographs(shape, card)))


def _shapes(card: ModelCard, *, any_size: bool) -> list[tuple[int, int, int]]:
    """Two sizes for each number of micrographs: multiples of the stride, or odd ones where any will do."""
    sizes = package_sizes(card)
    side, step = sizes.at_least(_LEAST_SIDE_PX), sizes.step_px
    odd = 1 if any_size else 0
    return [
        (batch, height + odd, width - odd)
        for batch in _BATCHES
        for height, width in ((side, side + step), (side + 3 * step, side + step))
    ]


def _micrographs(shape: tuple[int, int, int], card: ModelCard) -> np.ndarray:
    """Dark discs on bright noise, with one x-ray outlier each where the network expects them to be removed."""
    random = np.random.default_rng(shape)
    y, x = np.ogrid[: shape[1], : shape[2]]
    row, column = random.uniform(0.2, 0.8, (2, shape[0], 1, 1)) * np.array(shape[1:]).reshape(2, 1, 1, 1)
    is_disc = (y - row) ** 2 + (x - column) ** 2 <= (min(shape[1:]) / 4) ** 2
    counts = random.poisson(np.where(is_disc, 600, 900)).astype(np.float32)
    if card.preprocessing.xray_threshold is not None:
        counts[:, 5, 7] = 900 + 2 * card.preprocessing.xray_threshold
    return counts


def _difference(runtime: Runtime, segmenter: Segmenter, counts: np.ndarray) -> float:
    live = [segment_micrograph(segmenter, Micrograph(image)).probability for image in counts]
    return float(np.abs(runtime(counts) - live).max())
