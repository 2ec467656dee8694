"""Compute a batch in microbatches, to save memory."""

from collections.abc import Callable
from typing import Any

import numpy as np


def accumulate(
    gradients_of: Callable[[np.ndarray, np.ndarray], tuple[Any, list[Any]]],
    images: np.ndarray,
    labels: np.ndarray,
    patches_at_once: int,
) -> tuple[np.ndarray, list[Any]]:
    """Gradients of a batch, computed in microbatches.

    Args:
        gradients_of: Returns `batch_sums` and the gradients of the mean loss of a microbatch.
        images: (n, h, w, 1) float32.
        labels: (n, h, w, 1) float32.
        patches_at_once: Patches per microbatch; the last microbatch may have fewer.

    Returns:
        `batch_sums` of the batch, and the gradients of its mean loss.
    """
    sums, gradients = np.zeros(3, np.float32), None
    for microbatch in split_into_microbatches(images, labels, patches_at_once):
        microbatch_sums, microbatch_gradients = gradients_of(*microbatch)
        share = len(microbatch[0]) / len(images)
        scaled = [share * gradient for gradient in microbatch_gradients]
        sums = sums + np.asarray(microbatch_sums)
        gradients = scaled if gradients is None else [a + b for a, b in zip(gradients, scaled, strict=True)]
    return sums, gradients or []


def split_into_microbatches(
    images: np.ndarray, labels: np.ndarray, patches_at_once: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split a batch into microbatches with a maximum number of patches."""
    starts = range(0, len(images), patches_at_once)
    return [(images[start : start + patches_at_once], labels[start : start + patches_at_once]) for start in starts]
