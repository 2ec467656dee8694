"""False negatives of each method on the same images, and how far they agree: the study's figures 7 and S8."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.baselines.bragg import find_band
from tem_rf.baselines.fourier import fourier_filter
from tem_rf.data.prepared import Patch, PreparedDataset, Split
from tem_rf.data.renormalized import in_normalization
from tem_rf.errors import NoBraggPeaksError
from tem_rf.files import replacing_file
from tem_rf.metrics.dice import dice_from_sums, particle_mask
from tem_rf.models.probability import particle_probability
from tem_rf.runs.folder import RunFolder

FOURIER = "Fourier filtering"

Method = Callable[[PreparedDataset, int], np.ndarray]
"""Maps a dataset and the index of a patch to its (h, w) bool mask."""


@dataclass(frozen=True, eq=False)
class FalseNegativeComparison:
    """False negatives of several methods on the same images.

    Attributes:
        methods: Names of the m methods.
        patches: The n images.
        fractions: (n, m) fraction of the labelled pixels that are false negatives; NaN if the label is empty.
        dice: (n, m, m) dice between the false-negative maps of two methods; 1 if neither has false negatives.
    """

    methods: tuple[str, ...]
    patches: tuple[Patch, ...]
    fractions: np.ndarray
    dice: np.ndarray

    @property
    def mean_fraction(self) -> np.ndarray:
        """(m,) mean over the images whose label is not empty."""
        return np.nanmean(self.fractions, axis=0)

    @property
    def mean_dice(self) -> np.ndarray:
        """(m, m) mean over the images."""
        return self.dice.mean(axis=0)


def compare_false_negatives(
    methods: Mapping[str, Method],
    dataset: PreparedDataset,
    indices: Sequence[int] | np.ndarray,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> FalseNegativeComparison:
    """Compare the false-negative maps of methods, image by image.

    Args:
        methods: Methods by name, for example from `methods_of_runs`.
        dataset: The dataset.
        indices: Indices of the patches to compare.
        progress: Called with the number of images done and the total.

    Source: Sytwu et al. 2022, figures 7 and S8.
    """
    fractions, dice = [], []
    for done, index in enumerate(indices, start=1):
        maps, label = false_negative_maps(methods, dataset, index), dataset.particles(index)
        count = np.count_nonzero(label)
        fractions.append([np.count_nonzero(one) / count if count else np.nan for one in maps])
        dice.append(dice_between(maps))
        if progress:
            progress(done, len(indices))
    return FalseNegativeComparison(
        tuple(methods), tuple(dataset.patches[index] for index in indices), np.array(fractions), np.array(dice)
    )


def false_negative_maps(methods: Mapping[str, Method], dataset: PreparedDataset, index: int) -> np.ndarray:
    """(m, h, w) bool: pixels that are particle in the label of a patch but not in the mask of a method."""
    label = dataset.particles(index)
    return np.stack([label & ~method(dataset, index) for method in methods.values()])


def dice_between(maps: np.ndarray) -> np.ndarray:
    """Dice between all pairs of maps.

    Args:
        maps: (m, h, w) bool.

    Returns:
        (m, m) float64.

    >>> dice_between(np.array([[[1, 1, 0]], [[0, 1, 1]]], bool)).round(2).tolist()  # (2 * 1 + 1) / (2 + 2 + 1)
    [[1.0, 0.6], [0.6, 1.0]]
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    sums = flat.sum(axis=1)
    return np.asarray(dice_from_sums(flat @ flat.T, sums[:, np.newaxis], sums))


def methods_of_runs(
    runs: Sequence[RunFolder],
    dataset: PreparedDataset,
    *,
    split: Split = "test",
    lattice_spacing_nm: float | None = None,
) -> tuple[dict[str, Method], str]:
    """The networks of runs by name, and Fourier filtering with one band for all images of a split.

    Args:
        runs: Runs with at least one completed epoch.
        dataset: The dataset of all runs.
        split: The split whose images determine the band.
        lattice_spacing_nm: Center the band on this spacing; None: find the fringes in the images.

    Returns:
        The methods and the band, or why Fourier filtering is left out if the images have no Bragg peaks.

    Raises:
        ModelError: A run has no network.
    """
    methods = {run.name: network_of(run) for run in runs}
    try:
        band = find_band(
            np.asarray(dataset.images[dataset.indices(split)]),
            pixel_size_nm=dataset.manifest.pixel_size_nm,
            lattice_spacing_nm=lattice_spacing_nm,
        )
    except NoBraggPeaksError as error:
        return methods, f"left out: {error}"
    methods[FOURIER] = lambda dataset, index: fourier_filter(np.asarray(dataset.images[index]), band).mask
    return methods, f"band {band.inner_radius_px:g} to {band.outer_radius_px:g} FFT px"


def write_false_negative_tables(folder: Path, comparison: FalseNegativeComparison) -> tuple[Path, Path]:
    """Write `false_negatives.csv`, fractions per image and method, and `false_negatives_dice.csv`, mean dice of pairs.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    images, pairs = folder / "false_negatives.csv", folder / "false_negatives_dice.csv"
    _write_csv(
        images,
        ["source", "y_px", "x_px", *comparison.methods],
        (
            [
                patch.source,
                patch.y_px,
                patch.x_px,
                *("" if np.isnan(fraction) else f"{fraction:.6f}" for fraction in fractions),
            ]
            for patch, fractions in zip(comparison.patches, comparison.fractions, strict=True)
        ),
    )
    _write_csv(
        pairs,
        ["method", *comparison.methods],
        (
            [method, *(f"{value:.6f}" for value in values)]
            for method, values in zip(comparison.methods, comparison.mean_dice, strict=True)
        ),
    )
    return images, pairs


def network_of(run: RunFolder) -> Method:
    """The best network of a run, as a method; it gets the patches in the normalization of the run.

    Raises:
        ModelError: The run has no network.
    """
    from tem_rf.runs.network import load_network

    model = load_network(run)

    def mask(dataset: PreparedDataset, index: int) -> np.ndarray:
        image = in_normalization(dataset, run.config.preprocessing.normalization).images[index]
        logits = np.asarray(model(image[np.newaxis, ..., np.newaxis], training=False))[0]
        return particle_mask(particle_probability(logits))

    return mask


def _write_csv(path: Path, columns: list[str], rows: Iterator[list[object]]) -> None:
    with replacing_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)
