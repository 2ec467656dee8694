"""Change training patches at random beyond the eight transforms, repeatably."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tem_rf.config.augmentation import AugmentationSettings
from tem_rf.data.augmentation import augment_patch
from tem_rf.data.prepared import MANIFEST_FILE, PreparedDataset
from tem_rf.errors import DatasetError

Augment = Callable[[np.ndarray, int, int], np.ndarray]
"""Changes an image (h, w) that is the given transform of the patch of the given index."""


@dataclass(frozen=True)
class SourceCounts:
    """What the normalized values of a micrograph were before.

    Attributes:
        mean: Mean counts.
        sd: Standard deviation of the counts.
        slope: Of the line from normalized values to standard deviations above the mean; 1 for standard normalization.
        intercept: Of the same line; 0 for standard normalization, which is then left as it is, bit for bit.
    """

    mean: float
    sd: float
    slope: float
    intercept: float


def build_augment(dataset: PreparedDataset, settings: AugmentationSettings, *, seed: int, epoch: int) -> Augment | None:
    """How the patches of one epoch are changed; None where the settings leave them as they are.

    Args:
        dataset: Says the counts behind each normalized patch, on which the noise of a lower dose depends.
        settings: How far to go.
        seed: Seed of the run.
        epoch: Number of the epoch; with seed, patch and transform it decides what is drawn, so a restart repeats it.

    Raises:
        DatasetError: The dataset does not say them.
    """
    if settings.is_off:
        return None
    counts = counts_of_sources(dataset)

    def augment(image: np.ndarray, patch: int, transform: int) -> np.ndarray:
        own = counts[dataset.patches[patch].source]
        changed = augment_patch(
            image * own.slope + own.intercept, settings, seed=(seed, epoch, patch, transform), mean=own.mean, sd=own.sd
        )
        return (changed - own.intercept) / own.slope

    return augment


def counts_of_sources(dataset: PreparedDataset) -> dict[str, SourceCounts]:
    """The counts of each micrograph, by its name.

    Raises:
        DatasetError: A version before wrote the dataset and left them out.
    """
    normalization, counts = dataset.manifest.settings.normalization, {}
    for source in dataset.manifest.sources:
        if (moments := source.mean_and_sd(normalization)) is None:
            raise DatasetError(
                f"{dataset.folder / MANIFEST_FILE}: lacks mean and sd of {source.name}, which augmentation needs under "
                f"{normalization} normalization; prepare the dataset again with `overwrite`, or leave augmentation out."
            )
        mean, sd = moments
        counts[source.name] = SourceCounts(mean, sd, source.scale / sd, (source.offset - mean) / sd)
    return counts
