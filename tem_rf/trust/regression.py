"""Kernel ridge regression whose centres are a typical part of the images."""

from dataclasses import dataclass

import numpy as np

from tem_rf.trust.record import CENTRE_STEP
from tem_rf.trust.verdict import kernel

_FOLDS = 5
_WIDTHS = (0.006, 0.012, 0.025)
_RIDGES = (0.01, 0.03, 0.1, 0.3)
_MAX_CENTRES = 600


@dataclass(frozen=True, eq=False)
class Regression:
    """Functions of the statistics, each a sum of Gaussians around the same centres.

    Attributes:
        centres: (m, n) standardized statistics, multiples of `CENTRE_STEP`.
        weights: (m, k) weights of the centres for each function.
        inverse_width: Factor of the squared distance in the exponent.
        predicted: (images, k) values of images that were left out, whose specimens were too.
    """

    centres: np.ndarray
    weights: np.ndarray
    inverse_width: float
    predicted: np.ndarray


def fit_regression(
    x: np.ndarray, targets: np.ndarray, importance: np.ndarray, groups: np.ndarray, counts: np.ndarray
) -> Regression:
    """Choose width and ridge by cross-validation over specimens, and fit.

    Args:
        x: (images, n) standardized statistics.
        targets: (images, k) values from 0 to 1.
        importance: (images, k) weight of each image for each function.
        groups: (images,) specimens; images of one are left out together.
        counts: (images,) bool, images by whose error of the first function width and ridge are chosen.
    """
    folds = _folds(groups)
    best: Regression | None = None
    min_error, ridge_of_best = np.inf, 0.0
    for width in _WIDTHS:
        centres = CENTRE_STEP * np.rint(x[_typical(x, width, _MAX_CENTRES)] / CENTRE_STEP)
        to_centres, among = kernel(x, centres, width), kernel(centres, centres, width)
        for ridge in _RIDGES:
            predicted = np.zeros(targets.shape)
            for fold in range(_FOLDS):
                left = folds == fold
                weights = _solve(to_centres[~left], among, targets[~left], importance[~left], ridge)
                predicted[left] = np.clip(to_centres[left] @ weights, 0, 1)
            error = float(np.abs(predicted[:, 0] - targets[:, 0])[counts].mean())
            if best is None or error < min_error:
                min_error, ridge_of_best = error, ridge
                best = Regression(centres, np.zeros(0), width, predicted)
    assert best is not None
    to_centres = kernel(x, best.centres, best.inverse_width)
    among = kernel(best.centres, best.centres, best.inverse_width)
    weights = _solve(to_centres, among, targets, importance, ridge_of_best)
    return Regression(best.centres, weights, best.inverse_width, best.predicted)


def _solve(
    to_centres: np.ndarray, among: np.ndarray, targets: np.ndarray, importance: np.ndarray, ridge: float
) -> np.ndarray:
    """(images, m), (m, m), (images, k), (images, k) -> (m, k), least squares with a penalty, for each function."""
    columns = []
    for target, weight in zip(targets.T, importance.T, strict=True):
        weighted = to_centres.T * weight
        penalty = ridge * among + 1e-6 * np.eye(len(among))
        columns.append(np.linalg.solve(weighted @ to_centres + penalty, weighted @ target))
    return np.stack(columns, axis=1)


def _folds(groups: np.ndarray) -> np.ndarray:
    """Fold of each image; images of one specimen share theirs."""
    specimens = np.unique(groups)
    fold = np.random.default_rng(0).permutation(len(specimens)) % _FOLDS
    return np.asarray(fold[np.searchsorted(specimens, groups)])


def _typical(x: np.ndarray, width: float, count: int) -> list[int]:
    """Choose images that together represent all, by Cholesky decomposition with pivots of their kernel."""
    left, rows = np.ones(len(x)), np.zeros((min(count, len(x)), len(x)))
    chosen: list[int] = []
    while len(chosen) < len(rows) and left.max() > 1e-4:
        index, number = int(left.argmax()), len(chosen)
        row = kernel(x[[index]], x, width)[0] - rows[:number, index] @ rows[:number]
        rows[number] = row / np.sqrt(left[index])
        left = np.maximum(left - rows[number] ** 2, 0)
        left[index] = 0
        chosen.append(index)
    return chosen
