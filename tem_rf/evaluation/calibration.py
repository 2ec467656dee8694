"""Fit the temperature of a network on the validation images, and measure how reliable its probabilities are."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tem_rf.data.prepared import PreparedDataset, Split
from tem_rf.metrics.calibration import MarginHistogram
from tem_rf.models.probability import particle_margin
from tem_rf.runs.calibration import MeasuredReliability

BATCH_PX = 4 * 512 * 512  # pixels per forward pass of the network: about 1 GB of activations


def fit_on_validation(
    network: Callable[..., Any], dataset: PreparedDataset
) -> tuple[float, MeasuredReliability] | None:
    """Fit the temperature of a network on the validation patches of its dataset.

    Args:
        network: Maps (n, h, w, 1) to (n, h, w, 2) logits.
        dataset: The dataset as the network reads it.

    Returns:
        The temperature, and the reliability on these patches; None without validation patches, as in a fold, where
        the patches that are not trained on are those to test on.
    """
    if dataset.monitored != "validation":
        return None
    histogram, images = margins_of(network, dataset, "validation")
    temperature = histogram.fit_temperature()
    return temperature, measure(histogram, images, temperature)


def measure(histogram: MarginHistogram, images: int, temperature: float | None) -> MeasuredReliability:
    """Reliability of pixels without and with a temperature."""
    before = histogram.reliability()
    after = before if temperature is None else histogram.reliability(temperature)
    return MeasuredReliability(images, before, after)


def margins_of(network: Callable[..., Any], dataset: PreparedDataset, split: Split) -> tuple[MarginHistogram, int]:
    """Margins of the pixels of a split, without those whose label is not sure, and the number of its patches."""
    histogram, indices = MarginHistogram(), dataset.indices(split)
    for batch in batches(indices, dataset.manifest.patch_size):
        images = np.ascontiguousarray(dataset.images[batch][..., np.newaxis])
        add_margins(histogram, dataset, batch, np.asarray(network(images, training=False)))
    return histogram, len(indices)


def add_margins(histogram: MarginHistogram, dataset: PreparedDataset, indices: np.ndarray, logits: np.ndarray) -> None:
    """Add patches whose logits are known, (n, h, w, 2)."""
    histogram.add(particle_margin(logits), dataset.particles(indices), dataset.unsure(indices))


def batches(indices: np.ndarray, patch_size: int) -> Iterator[np.ndarray]:
    """Split patches into batches for one forward pass each."""
    size = max(BATCH_PX // patch_size**2, 1)
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
