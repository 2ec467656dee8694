"""Change training patches at random beyond the eight transforms, repeatably."""

from collections.abc import Callable

import numpy as np

from tem_rf.config.augmentation import AugmentationSettings
from tem_rf.data.augmentation import augment_patch
from tem_rf.data.prepared import PreparedDataset

Augment = Callable[[np.ndarray, int, int], np.ndarray]
"""Changes an image (h, w) that is the given transform of the patch of the given index."""


def build_augment(dataset: PreparedDataset, settings: AugmentationSettings, *, seed: int, epoch: int) -> Augment | None:
    """How the patches of one epoch are changed; None where the settings leave them as they are.

    Args:
        dataset: Says the counts behind each normalized patch, on which the noise of a lower dose depends.
        settings: How far to go.
        seed: Seed of the run.
        epoch: Number of the epoch; with seed, patch and transform it decides what is drawn, so a restart repeats it.
    """
    if settings.is_off:
        return None
    counts = {source.name: (source.offset, source.scale) for source in dataset.manifest.sources}

    def augment(image: np.ndarray, patch: int, transform: int) -> np.ndarray:
        offset, scale = counts[dataset.patches[patch].source]
        return augment_patch(image, settings, seed=(seed, epoch, patch, transform), offset=offset, scale=scale)

    return augment
