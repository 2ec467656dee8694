"""From the logits of a network to the probability of a particle."""

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
    margin = logits[..., 1].astype(np.float64) - logits[..., 0]
    return (0.5 * (1 + np.tanh(0.5 * margin))).astype(np.float32)  # the sigmoid, without overflow
