"""Dice of the particle class, defined once for the whole project."""

from typing import Any

import numpy as np

SMOOTHING = 1.0
"""Added to both sides of the fraction (the study's choice): two empty masks score 1."""


def dice_from_sums(intersection: Any, prediction: Any, label: Any) -> Any:
    """Dice from sums over the pixels of an image, for numbers, NumPy arrays and tensors.

    Args:
        intersection: Sum of prediction times label.
        prediction: Sum of the prediction.
        label: Sum of the label.

    Returns:
        (2 I + 1) / (P + L + 1), of the input type.

    Source: Sytwu et al. 2022, equation (2); smoothing 1 as in the code published with it.

    >>> dice_from_sums(3, 4, 5)  # (2 * 3 + 1) / (4 + 5 + 1)
    0.7
    """
    return (2.0 * intersection + SMOOTHING) / (prediction + label + SMOOTHING)


def soft_dice(probability: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Dice of the probability itself, image by image.

    Args:
        probability: (n, h, w) float, probability of the particle class.
        label: (n, h, w), 1 or True on particles.

    Returns:
        (n,) float64.
    """
    particle = np.asarray(label, dtype=np.float64)
    prediction = np.asarray(probability, dtype=np.float64)
    pixels = (-2, -1)
    return np.asarray(dice_from_sums((prediction * particle).sum(pixels), prediction.sum(pixels), particle.sum(pixels)))


def hard_dice(probability: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Dice of the rounded probability, image by image.

    Args:
        probability: (n, h, w) float, probability of the particle class, or a mask.
        label: (n, h, w), 1 or True on particles.

    Returns:
        (n,) float64.
    """
    return soft_dice(particle_mask(probability), label)


def particle_mask(probability: np.ndarray) -> np.ndarray:
    """Pixels whose rounded probability is 1: above one half, since one half rounds to the even 0.

    Args:
        probability: Any shape, probability of the particle class.

    Returns:
        The same shape, bool.
    """
    return np.asarray(probability) > 0.5
