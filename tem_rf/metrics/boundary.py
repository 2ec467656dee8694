"""Agreement of the outlines of two masks: boundary F1 and surface distances."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BoundaryScores:
    """Agreement of two outlines.

    If neither mask has an outline, they agree: F1 is 1 and the distances are 0. If only one has an outline, F1 is 0 and
    there is no distance.

    Attributes:
        f1: Harmonic mean of the fractions of each outline within the tolerance of the other.
        mean_distance_px: Mean distance from the pixels of each outline to the other outline [px].
        hausdorff95_px: 95th percentile of that distance, the larger of the two directions [px].
    """

    f1: float
    mean_distance_px: float | None
    hausdorff95_px: float | None


def score_boundary(
    prediction: np.ndarray, label: np.ndarray, *, unsure: np.ndarray | None = None, tolerance_px: float = 2.0
) -> BoundaryScores:
    """Compare the outlines of two masks.

    Args:
        prediction: (h, w) bool.
        label: (h, w) bool.
        unsure: (h, w) bool, where the label is not sure: outlines within the tolerance of it are left out.
        tolerance_px: Maximum distance of outlines that agree [px].

    Returns:
        The scores. Distances are measured between pixel centres.

    Source: boundary F1 after Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?".
    """
    from scipy.ndimage import distance_transform_edt

    predicted, labelled = boundary(prediction), boundary(label)
    if unsure is not None and unsure.any():
        known = distance_transform_edt(~unsure) > tolerance_px
        predicted, labelled = predicted & known, labelled & known
    if not predicted.any() and not labelled.any():
        return BoundaryScores(1.0, 0.0, 0.0)
    if not predicted.any() or not labelled.any():
        return BoundaryScores(0.0, None, None)
    to_label = distance_transform_edt(~labelled)[predicted]
    to_prediction = distance_transform_edt(~predicted)[labelled]
    precision, recall = ((distances <= tolerance_px).mean() for distances in (to_label, to_prediction))
    return BoundaryScores(
        f1=float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0,
        mean_distance_px=float(np.concatenate([to_label, to_prediction]).mean()),
        hausdorff95_px=float(max(np.percentile(to_label, 95), np.percentile(to_prediction, 95))),
    )


def boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels of a mask with one of their four neighbours outside it.

    There is no outline where the edge of the image cuts a particle, since its true outline is unknown.

    Args:
        mask: (h, w) bool.

    Returns:
        (h, w) bool.
    """
    mask = np.asarray(mask, dtype=bool)
    inside = mask.copy()
    inside[1:] &= mask[:-1]
    inside[:-1] &= mask[1:]
    inside[:, 1:] &= mask[:, :-1]
    inside[:, :-1] &= mask[:, 1:]
    return mask & ~inside
