"""How sure a network is of each particle: the mean probability of its pixels.

Of twelve measures of the probability inside particles, along their outline and around them, none tells particles that
match a label from others much better (docs/experiments.md).
"""

import numpy as np

from tem_rf.particles.spans import Spans, find_spans


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
    spans = find_spans(numbers)
    last = int(spans.number.max(initial=0))
    confidence = np.zeros(last + 1)
    occurs = np.bincount(spans.number, minlength=last + 1) > 0
    rank = np.cumsum(occurs)
    confidence[occurs] = mean_in_particles(spans.numbered(rank[spans.number]), probability)
    return confidence


def mean_in_particles(spans: Spans, image: np.ndarray) -> np.ndarray:
    """(n,) float64, mean of an image (h, w) over each of the particles, which are numbered from 1 without gaps."""
    particle = spans.number - 1
    return np.asarray(np.bincount(particle, spans.sums(image)) / np.bincount(particle, spans.lengths))
