"""Learn from labelled images which dice to expect, what to flag, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from tem_rf.trust.conditions import Condition
from tem_rf.trust.kinds import NEVER_TRUSTED
from tem_rf.trust.reasons import fit_reasons, reason_of
from tem_rf.trust.record import LIMIT, TRUSTED_DICE, DiceMap, ExpectedDice, HeldOutError, TrustRecord
from tem_rf.trust.verdict import Verdict, judge, kernel

_FOLDS = 5
_WIDTHS = (0.006, 0.012, 0.025)
_RIDGES = (0.01, 0.03, 0.1)
_MAX_CENTRES = 300
_MIN_THRESHOLD = 0.6  # masks of a lower expected dice are flagged even if many good ones are among them
_MAX_ALARMS = 0.06  # share of the good masks that the expected dice alone may flag; other reasons add some
_CERTAINTY = 0.9  # share of images whose dice is within the interval
_STEPS = 5
_NO_ERROR = HeldOutError(images=0, mean_absolute=0, within_interval=0, flagged=None, false_alarms=None)


@dataclass(frozen=True)
class Tried:
    """A labelled image that the network has segmented.

    Attributes:
        statistics: (n,) float64, of `measure`.
        dice: Hard dice; 0 where there is no particle to find.
        condition: What was special about it.
    """

    statistics: np.ndarray
    dice: float
    condition: Condition


def fit_record(
    tried: Sequence[Tried],
    held_out: Sequence[Tried],
    held_out_foreign: Sequence[Tried] = (),
    *,
    network_sha256: str,
    tried_on: Sequence[str],
    maps: Sequence[DiceMap] = (),
) -> TrustRecord:
    """Fit the record of a network.

    Args:
        tried: Images to fit to.
        held_out: Micrographs of other specimens, for the error that is stated.
        held_out_foreign: Images that are no micrographs, for the share that is flagged.
        network_sha256: Digest of the weights.
        tried_on: What the images are.
        maps: Where the network may be used.
    """
    statistics = np.array([one.statistics for one in tried])
    dice = np.array([one.dice for one in tried])
    groups = np.array([one.condition.specimen for one in tried])
    mean, sd = statistics.mean(axis=0), np.maximum(statistics.std(axis=0), 1e-3)
    x = np.clip((statistics - mean) / sd, -LIMIT, LIMIT)
    expected, predicted = _fit_expected_dice(x, dice, groups)
    reasons = np.array([reason_of(one.condition, one.dice) for one in tried])
    is_usual = ~np.isin(reasons, NEVER_TRUSTED)  # the others are recognized by their reason
    record = TrustRecord(
        network_sha256=network_sha256,
        tried_on=tuple(tried_on),
        images=len(tried),
        mean=_rounded(mean),
        sd=_rounded(sd),
        expected_dice=expected,
        threshold=_threshold(predicted[is_usual], dice[is_usual]),
        max_distance=_max_distance(x[dice >= TRUSTED_DICE], groups[dice >= TRUSTED_DICE]),
        reasons=fit_reasons(x, reasons, [one.condition.dose_factor for one in tried]),
        error=_NO_ERROR,
        maps=tuple(maps),
    )
    return record.model_copy(update={"error": error_on(record, held_out, held_out_foreign)})


def error_on(record: TrustRecord, tried: Sequence[Tried], foreign: Sequence[Tried] = ()) -> HeldOutError:
    """Compare expectation and verdict with the dice of labelled micrographs."""
    verdicts = [judge(record, one.statistics) for one in tried]
    dice = np.array([one.dice for one in tried])
    expected = np.array([one.expected_dice for one in verdicts])
    flagged = np.array([not one.is_trusted for one in verdicts])
    is_within = np.array([_is_within(one, true) for one, true in zip(verdicts, dice, strict=True)])
    is_good = dice >= TRUSTED_DICE
    return HeldOutError(
        images=len(tried),
        foreign_flagged=_share_flagged(record, foreign),
        mean_absolute=round(float(np.abs(expected - dice).mean()), 4),
        within_interval=round(float(is_within.mean()), 4),
        flagged=None if is_good.all() else round(float(flagged[~is_good].mean()), 4),
        false_alarms=round(float(flagged[is_good].mean()), 4) if is_good.any() else None,
    )


def _share_flagged(record: TrustRecord, tried: Sequence[Tried]) -> float | None:
    flagged = [not judge(record, one.statistics).is_trusted for one in tried]
    return round(float(np.mean(flagged)), 4) if flagged else None


def _is_within(verdict: Verdict, dice: float) -> bool:
    return verdict.low <= dice <= verdict.high


def _fit_expected_dice(x: np.ndarray, dice: np.ndarray, groups: np.ndarray) -> tuple[ExpectedDice, np.ndarray]:
    """Choose width and ridge by cross-validation over specimens; return also the predictions for images left out."""
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    folds = PredefinedSplit(_folds(groups))
    candidates = list(product(_WIDTHS, _RIDGES))
    predictions = [
        np.clip(cross_val_predict(KernelRidge(alpha=ridge, kernel="rbf", gamma=width), x, dice, cv=folds), 0, 1)
        for width, ridge in candidates
    ]
    best = int(np.argmin([np.abs(one - dice).mean() for one in predictions]))
    (width, ridge), predicted = candidates[best], predictions[best]
    chosen = _typical(kernel(x, x, width), _MAX_CENTRES)
    centres = np.round(x[chosen], 3)
    to_centres, among = kernel(x, centres, width), kernel(centres, centres, width)
    weights = np.linalg.solve(
        to_centres.T @ to_centres + ridge * among + 1e-6 * np.eye(len(centres)), to_centres.T @ dice
    )
    steps, low, high = _intervals(predicted, dice)
    expected = ExpectedDice(
        centres=tuple(map(_rounded, centres)),
        weights=_rounded(weights, 6),
        inverse_width=width,
        steps=_rounded(steps),
        low=_rounded(low),
        high=_rounded(high),
    )
    return expected, predicted


def _folds(groups: np.ndarray) -> np.ndarray:
    """Fold of each image; images of one specimen share theirs."""
    specimens = np.unique(groups)
    fold = np.random.default_rng(0).permutation(len(specimens)) % _FOLDS
    return np.asarray(fold[np.searchsorted(specimens, groups)])


def _typical(gram: np.ndarray, count: int) -> list[int]:
    """Choose images that together represent all, by Cholesky decomposition with pivots."""
    left, rows = gram.diagonal().copy(), np.zeros((0, len(gram)))
    chosen: list[int] = []
    while len(chosen) < min(count, len(gram)) and left.max() > 1e-4:
        index = int(left.argmax())
        row = (gram[index] - rows[:, index] @ rows) / np.sqrt(left[index])
        rows, left = np.vstack([rows, row]), np.maximum(left - row**2, 0)
        left[index] = 0
        chosen.append(index)
    return chosen


def _intervals(predicted: np.ndarray, dice: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Conformal intervals: quantiles of the errors of images left out, by expected dice."""
    count = max(1, min(_STEPS, len(predicted) // 25))
    order = np.array_split(np.argsort(predicted, kind="stable"), count)
    steps = np.array([predicted[part[0]] for part in order[1:]])
    tail = (1 - _CERTAINTY) / 2
    errors = [dice[part] - predicted[part] for part in order]
    low = np.array([np.quantile(one, tail, method="lower") for one in errors])
    high = np.array([np.quantile(one, 1 - tail, method="higher") for one in errors])
    return steps, low, high


def _threshold(predicted: np.ndarray, dice: np.ndarray) -> float:
    """Expected dice below which masks are flagged, which flags few of the good ones."""
    is_good = dice >= TRUSTED_DICE
    if not is_good.any():
        return TRUSTED_DICE
    return round(float(np.clip(np.quantile(predicted[is_good], _MAX_ALARMS), _MIN_THRESHOLD, TRUSTED_DICE)), 4)


def _max_distance(x: np.ndarray, groups: np.ndarray) -> float:
    """Distance to the closest good image of another specimen that few good images exceed."""
    if len(np.unique(groups)) < 2:
        return float(2 * LIMIT * np.sqrt(x.shape[1]))
    closest = []
    for index, one in enumerate(x):
        closest.append(np.sqrt(np.square(x[groups != groups[index]] - one).sum(axis=1).min()))
    return round(1.25 * float(np.quantile(closest, 0.98)), 4)


def _rounded(values: np.ndarray, digits: int = 4) -> tuple[float, ...]:
    return tuple(round(float(value), digits) for value in values)
