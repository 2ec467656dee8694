"""Weights of particles by the rule for those that the edge of the image cuts."""

import numpy as np

from tem_rf.config.experiment import EdgeRule

RULES: dict[EdgeRule, str] = {
    "exclude": "Particles cut by the edge are excluded. Large particles are cut more often, so the mean is low.",
    "half": "Particles cut by the edge count half, with the diameter of their visible part, which makes the mean low. "
    "The number per area is nearly unbiased.",
    "correct": "Particles cut by the edge are excluded. Each of the others counts by the inverse of the probability "
    "that the edge does not cut a particle of its width and height (Miles and Lantuéjoul), which removes the bias "
    "against large ones.",
}
"""The rules, as the report states them."""


def edge_weights(instances: np.ndarray, cut: np.ndarray, rule: EdgeRule) -> np.ndarray:
    """How much each particle of an image counts.

    Args:
        instances: (h, w) int, particles numbered from 1 without gaps.
        cut: (n,) bool, whether the edge cuts each particle.
        rule: The rule. `correct`: with the width w and height h of a particle in an image of width W and height H, the
            weight is W H / ((W - w) (H - h)).

    Returns:
        (n,) float; 0 for particles that do not count.

    Source: Miles 1974, "On the elimination of edge effects in planar sampling"; Lantuéjoul 1980.
    """
    if rule == "half":
        return np.where(cut, 0.5, 1.0)
    whole = (~cut).astype(float)
    if rule == "exclude" or not len(cut):
        return whole
    from scipy.ndimage import find_objects

    height, width = instances.shape
    for index, place in enumerate(find_objects(instances)):
        if place is not None and whole[index]:
            rows, columns = (part.stop - part.start for part in place)
            whole[index] = height * width / ((height - rows) * (width - columns))
    return whole
