"""Convert the logits of a network to the probability of a particle."""

import numpy as np


def particle_probability(logits: np.ndarray) -> np.ndarray:
    """Softmax of the particle class.

    Args:
        logits: (..., 2), background first.

    Returns:
        (...) float32.

    >>> particle_probability(np.array([0.0, 0.0])).item()
    0.5
    """
    margin = logits[..., 1].astype(np.float32) - logits[..., 0].astype(np.float32)
    with np.errstate(over="ignore"):  # far below zero exp is infinite, and the probability correctly 0
        return 1 / (1 + np.exp(-margin))
