"""Why a mask is poor, in the words of the person at the microscope, and what to do about it."""

from collections.abc import Sequence

import numpy as np

from tem_rf.trust.conditions import Condition
from tem_rf.trust.kinds import BLUR, GOOD, ILLUMINATION, NEVER_TRUSTED, NOISE, SCALE, UNLIKE
from tem_rf.trust.record import TRUSTED_DICE, Reasons


def reason_of(condition: Condition, dice: float) -> str:
    """Return why the mask of a condition is poor, or that it is good.

    Images that are no micrographs, or have no particles or the other contrast, are never good.
    """
    if condition.kind in NEVER_TRUSTED:
        return condition.kind
    if dice >= TRUSTED_DICE:
        return GOOD
    if condition.kind in (NOISE, BLUR, ILLUMINATION, SCALE):
        return condition.kind
    strengths = {
        NOISE: -np.log(condition.dose_factor or 1) / np.log(8),
        BLUR: np.log((condition.defocus_factor or 1) / 1.5) / np.log(2.5),
        SCALE: abs(np.log(condition.size_factor)) / np.log(1.5),
    }
    strongest = max(strengths, key=lambda one: strengths[one])
    return strongest if strengths[strongest] > 0.5 else UNLIKE


def fit_reasons(x: np.ndarray, reasons: np.ndarray, doses: Sequence[float | None]) -> Reasons:
    """Fit a linear classifier of reasons, and the dose.

    Args:
        x: (images, n) standardized statistics.
        reasons: (images,) reason of each image.
        doses: Dose of each image in units of the usual one, where it is known.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    names = [GOOD, *sorted(set(reasons) - {GOOD})]
    if len(names) > 1:
        classifier = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000)
        classifier.fit(x, np.array([names.index(one) for one in reasons]))
        weights, offsets = classifier.coef_, classifier.intercept_
        if len(names) == 2:
            weights, offsets = np.vstack([-weights / 2, weights / 2]), np.array([-offsets[0] / 2, offsets[0] / 2])
    else:
        weights, offsets = np.zeros((1, x.shape[1])), np.zeros(1)
    known = np.array([one is not None for one in doses])
    dose = None
    if known.sum() >= 20:
        ridge = Ridge(alpha=3.0).fit(x[known], np.log10([one for one in doses if one is not None]))
        dose = tuple(round(float(one), 4) for one in (*ridge.coef_, ridge.intercept_))
    return Reasons(
        names=tuple(names),
        weights=tuple(tuple(round(float(one), 4) for one in row) for row in weights),
        offsets=tuple(round(float(one), 4) for one in offsets),
        dose=dose,
    )
