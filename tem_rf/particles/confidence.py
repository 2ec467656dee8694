"""How sure a network is of each particle: the mean probability of its pixels.

Of twelve measures of the probability inside particles, along their outline and around them, none tells particles that
match a label from others much better (docs/experiments.md).
"""

import numpy as np

from tem_rf.data.scratch import bands


def particle_confidence(numbers: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Mean probability of the pixels of each particle.

    Args:
        numbers: (h, w) int, 0 on background; negative pixels belong to no particle.
        probability: (h, w) float, probability of the particle class.

    Returns:
        (largest number + 1,) float64 by number; 0 for the background and for numbers that do not occur.

    >>> particle_confidence(np.array([[0, 1, 1], [2, -1, 2]]), np.array([[0.1, 0.75, 1.0], [0.5, 0.9, 0.75]])).tolist()
    [0.0, 0.875, 0.625]
    """
    last = max(int(numbers.max(initial=0)), 0)
    pixels, sums = np.zeros(last + 1, int), np.zeros(last + 1)
    for band in bands(len(numbers)):  # in the cache of the processor, several times as fast
        is_inside = numbers[band] > 0
        inside = numbers[band][is_inside]
        pixels += np.bincount(inside, minlength=last + 1)
        sums += np.bincount(inside, probability[band][is_inside], minlength=last + 1)
    return np.asarray(sums / np.maximum(pixels, 1))
