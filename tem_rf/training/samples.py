"""A few validation patches, the same ones throughout a training, with their current segmentations."""

import time
from contextlib import suppress

import keras
import numpy as np

from tem_rf.data.prepared import PreparedDataset
from tem_rf.errors import StorageError
from tem_rf.metrics.dice import particle_mask
from tem_rf.models.probability import particle_probability
from tem_rf.plots.segmentation import grey_levels
from tem_rf.runs.events import SampleEvent
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.samples import Samples, write_samples

MAX_PATCHES = 4
COST_LIMIT = 0.01  # of the training time


class SamplePictures:
    """Writes `samples.npz` after epochs. Skips short epochs to take less than 1 % of the training time.

    The first one in a process is not counted.

    Args:
        run: The run folder to write to.
        model: The network; neither its variables nor its random state change.
        dataset: The dataset with the validation patches.
    """

    def __init__(self, run: RunFolder, model: keras.Model, dataset: PreparedDataset) -> None:
        self._run, self._model = run, model
        indices = choose_patches(dataset)
        self._patches = np.stack([dataset.images[patch] for patch in indices])  # (n, h, w)
        self._labels = np.stack([dataset.particles(patch) for patch in indices])
        self._unsure = np.stack([dataset.unsure(patch) for patch in indices])
        self._images = np.stack([grey_levels(patch) for patch in self._patches])
        self._next_at, self._is_warm = 0.0, False
        self.marked_alike: str | None = None
        """`every pixel` or `no pixel` if the newest predictions are so; None if they tell pixels apart."""

    def after_epoch(self, epoch: int, *, is_last: bool) -> SampleEvent | None:
        """Write the samples of an epoch; None if it is too early for new ones, or the file cannot be written.

        A full disk costs samples, but never the training.
        """
        started = time.monotonic()
        if started < self._next_at and not is_last:
            return None
        predictions = np.stack([self._predict(patch) for patch in self._patches])
        self.marked_alike = _marked_alike(predictions, self._labels)
        predictions &= ~self._unsure
        event = None
        with suppress(StorageError):
            write_samples(self._run.samples_file, Samples(epoch, self._images, self._labels, predictions))
            event = SampleEvent(epoch=epoch, patches=len(predictions))
        now = time.monotonic()
        if self._is_warm:  # the first prediction of a process takes several times as long as later ones
            self._next_at = now + (now - started) / COST_LIMIT
        self._is_warm = True
        return event

    def _predict(self, patch: np.ndarray) -> np.ndarray:
        """Predict one patch at a time, which needs less memory than a step, and uncompiled, which needs no compiler."""
        logits = self._model(patch[np.newaxis, ..., np.newaxis], training=False)
        return particle_mask(particle_probability(keras.ops.convert_to_numpy(logits)[0]))


def _marked_alike(predictions: np.ndarray, labels: np.ndarray) -> str | None:
    """`every pixel` or `no pixel` if that is what predictions mark and labels do not; else None."""
    if predictions.all() and not labels.all():
        return "every pixel"
    return "no pixel" if labels.any() and not predictions.any() else None


def choose_patches(dataset: PreparedDataset) -> list[int]:
    """Indices of validation patches, from the largest to the smallest particle fraction."""
    patches = dataset.indices(dataset.monitored).tolist()
    by_particles = sorted(patches, key=lambda patch: -dataset.patches[patch].particle_fraction)
    ranks = np.linspace(0, len(patches) - 1, min(MAX_PATCHES, len(patches)))
    return [by_particles[round(rank)] for rank in ranks]
