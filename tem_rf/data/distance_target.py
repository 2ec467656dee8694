"""What a network with a distance output learns: how far inside its particle each pixel is."""

import numpy as np

from tem_rf.data.prepared import PARTICLE, UNSURE

UNKNOWN = -1.0
"""Target of pixels that are not trained on, below every distance."""


def normalized_distance(numbers: np.ndarray) -> np.ndarray:
    """Distance of each pixel to the edge of its own particle, relative to the maximum in that particle.

    The edge is that of the particle itself, also where it touches another one. The border of the image is no edge: a
    particle that it cuts is measured as far as it is seen.

    Args:
        numbers: (h, w) int, number of the particle of each pixel, 0 elsewhere.

    Returns:
        (h, w) float32, 0 outside particles, up to 1 at their centres; `UNKNOWN` if a particle fills the image.

    >>> normalized_distance(np.array([[0, 1, 1, 1, 2, 2, 2, 0]])).tolist()
    [[0.0, 0.5, 1.0, 0.5, 0.5, 1.0, 0.5, 0.0]]

    Source: Naylor et al. 2019, "Segmentation of nuclei in histopathology images by deep regression of the distance
    map"; here the maximum of each particle is 1, so that large and small particles weigh the same.
    """
    from scipy.ndimage import distance_transform_edt, find_objects

    target = np.zeros(numbers.shape, np.float32)
    for number, place in enumerate(find_objects(numbers), start=1):
        if place is None:
            continue
        around = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in place)
        inside = numbers[around] == number
        if inside.all():
            target[around] = UNKNOWN
            continue
        distance = distance_transform_edt(inside)
        target[around][inside] = (distance / distance.max())[inside]
    return target


def distance_target(classes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Target of one patch: the normalized distance where the particle of a pixel is known.

    Args:
        classes: (h, w) int, class of each pixel, as in `labels.tif`.
        numbers: (h, w) int, number of the particle of each pixel; 0 on particles that the label does not tell apart.

    Returns:
        (h, w) float32, `UNKNOWN` where the label is not sure, or does not tell particles apart.
    """
    target = normalized_distance(numbers)
    target[(classes == UNSURE) | ((classes == PARTICLE) & (numbers == 0))] = UNKNOWN
    return target
