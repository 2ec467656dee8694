"""Change training patches at random beyond the eight transforms, reproducibly."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tem_rf.config.augmentation import AugmentationSettings
from tem_rf.data.augmentation import augment_patch, log_uniform
from tem_rf.data.camera_noise import CameraNoise, estimate_camera_noise
from tem_rf.data.prepared import MANIFEST_FILE, PreparedDataset
from tem_rf.data.turned_patches import turn_and_scale
from tem_rf.errors import DatasetError

_NOISE_PATCHES = 4  # per micrograph, to estimate its noise

Augment = Callable[[np.ndarray, np.ndarray, int, int], tuple[np.ndarray, np.ndarray]]
"""Changes an image and its label (h, w), given the index of their patch and the number of its transform."""


@dataclass(frozen=True)
class SourceCounts:
    """Conversion of the normalized values of a micrograph to counts.

    Attributes:
        mean: Mean counts.
        sd: Standard deviation of the counts.
        slope: Slope from normalized values to standard deviations above the mean; 1 for standard normalization.
        intercept: Intercept of the same line; 0 for standard normalization, whose values are left bit-identical.
    """

    mean: float
    sd: float
    slope: float
    intercept: float


def build_augment(dataset: PreparedDataset, settings: AugmentationSettings, *, seed: int, epoch: int) -> Augment | None:
    """Build the augmentation of the patches of one epoch; None if the settings do not change them.

    Args:
        dataset: Contains the counts of each normalized patch, which affect the noise of a lower dose.
        settings: Strength of the augmentation.
        seed: Seed of the run.
        epoch: Number of the epoch; with seed, patch and transform it sets the changes, so a restart repeats them.

    Raises:
        DatasetError: The dataset does not contain the counts, or the gain of its camera cannot be determined.
    """
    if settings.is_off:
        return None
    counts = counts_of_sources(dataset)
    noises = noise_of_sources(dataset, settings.counts_per_electron) if settings.dose_fraction < 1 else {}

    def augment(image: np.ndarray, label: np.ndarray, patch: int, transform: int) -> tuple[np.ndarray, np.ndarray]:
        source = dataset.patches[patch].source
        own = counts[source]
        if settings.moves_pixels:
            image, label = _moved(image, label, settings, (seed, epoch, patch, transform))
        changed = augment_patch(
            image * own.slope + own.intercept,
            settings,
            seed=(seed, epoch, patch, transform),
            mean=own.mean,
            sd=own.sd,
            noise=noises.get(source),
        )
        return (changed - own.intercept) / own.slope, label

    return augment


def _moved(
    image: np.ndarray, label: np.ndarray, settings: AugmentationSettings, seed: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng((*seed, 1))  # independent of the changes that follow
    degrees = random.uniform(-settings.rotation_degrees, settings.rotation_degrees)
    return turn_and_scale(image, label, degrees=degrees, scale=log_uniform(random, 1 / settings.scale, settings.scale))


def counts_of_sources(dataset: PreparedDataset) -> dict[str, SourceCounts]:
    """The counts of each micrograph, by its name.

    Raises:
        DatasetError: The dataset is from an earlier version, which did not record them.
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


@lru_cache(maxsize=2)  # requested at every epoch
def noise_of_sources(dataset: PreparedDataset, counts_per_electron: float | None) -> dict[str, CameraNoise]:
    """The shot noise of each micrograph, by name, estimated from its patches.

    Args:
        dataset: The patches, and the gain if its files contain it.
        counts_per_electron: Gain of the camera, which overrides the one in the dataset.

    Raises:
        DatasetError: The gain cannot be determined, or is inconsistent with the noise.
    """
    patches: dict[str, list[int]] = {}
    for index, patch in enumerate(dataset.patches):
        patches.setdefault(patch.source, []).append(index)
    gains = {source.name: counts_per_electron or source.counts_per_electron for source in dataset.manifest.sources}
    noises = {}
    for name, own in counts_of_sources(dataset).items():
        images = [
            (dataset.images[index] * own.slope + own.intercept) * own.sd + own.mean
            for index in patches.get(name, [])[:_NOISE_PATCHES]
        ]
        if not images:
            continue
        try:
            noises[name] = estimate_camera_noise(images, mean=own.mean, counts_per_electron=gains[name])
        except DatasetError as error:
            raise DatasetError(f"{dataset.folder}: {name} {error}.") from error
    return noises
