"""Convert the logits of a network to the probability of a particle, with or without a temperature.

A temperature T divides the margin of the logits, so no pixel changes sides of one half. In float32 some would, where
rounding makes one half of a margin close to zero; they are kept on the side where they are without a temperature.
"""

import numpy as np

from tem_rf.architecture.layers import CLASSES

ABOVE_HALF = np.nextafter(np.float32(0.5), np.float32(1))
"""The smallest probability of a pixel of the mask."""

_LARGEST = np.float32(1 - 2**-24)  # below 1
_SMALLEST = np.float32(2**-24)  # as far from 0


def particle_margin(logits: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Logit of the particle class minus that of the background.

    Args:
        logits: (..., 2), background first.
        out: (...) float32 to write to.

    Returns:
        (...) float32.
    """
    background, particle = (logits[..., index].astype(np.float32, copy=False) for index in (0, 1))
    return np.subtract(particle, background, out=out)


def particle_probability(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Softmax of the particle class.

    Args:
        logits: (..., 2), background first.
        temperature: Divides the logits, see `tem_rf.metrics.calibration`.

    Returns:
        (...) float32.

    >>> particle_probability(np.array([0.0, 0.0])).item()
    0.5
    """
    return margin_probability(particle_margin(logits), temperature)


def predicted_distance(outputs: np.ndarray) -> np.ndarray | None:
    """Distance to the edge of the particle, from a network with a distance output; None from any other.

    Args:
        outputs: (..., 2) logits, or (..., 3) logits and distance.

    Returns:
        (...) float32, about 1 at the centre of a particle.
    """
    return outputs[..., CLASSES].astype(np.float32) if outputs.shape[-1] > CLASSES else None


def margin_probability(margin: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The probability of a margin, which is as `particle_margin` gives it."""
    probability = _sigmoid(margin)
    return probability if temperature == 1 else _on_side_of(probability, _sigmoid(margin / np.float32(temperature)))


def calibrate_probability(probability: np.ndarray, temperature: float) -> np.ndarray:
    """Apply a temperature to a probability, as `particle_probability` does to logits.

    Probabilities of exactly 0 and 1 are taken as the closest ones that have a logit of at most 16.6.

    Args:
        probability: (...) float32.
        temperature: Divides its logit.

    Returns:
        (...) float32.

    >>> calibrate_probability(np.array([0.0, 0.2, 1.0], np.float32), 2.0).astype(float).round(4).tolist()
    [0.0002, 0.3333, 0.9998]
    """
    if temperature == 1:
        return probability
    return _on_side_of(probability, _sigmoid(margin_of(probability) / np.float32(temperature)))


def margin_of(probability: np.ndarray) -> np.ndarray:
    """The margin of a probability, at most 16.6 and at least -16.6.

    Args:
        probability: (...) float32, 0 and 1 included.

    Returns:
        (...) float32.
    """
    inside = np.clip(probability, _SMALLEST, _LARGEST)
    return np.asarray(np.log(inside / (1 - inside)))


def _sigmoid(margin: np.ndarray) -> np.ndarray:
    result = np.asarray(np.negative(margin))  # of a single margin, a number that takes no output
    with np.errstate(over="ignore"):  # far below zero exp is infinite, and the probability correctly 0
        np.exp(result, out=result)
    result += 1
    return np.divide(1, result, out=result)


def _on_side_of(probability: np.ndarray, calibrated: np.ndarray) -> np.ndarray:
    is_particle = probability > 0.5
    return np.where(is_particle, np.maximum(calibrated, ABOVE_HALF), np.minimum(calibrated, np.float32(0.5)))
