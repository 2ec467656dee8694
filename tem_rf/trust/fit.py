"""Learn from labelled images which dice to expect, what to flag, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_rf.trust.conditions import Condition
from tem_rf.trust.kinds import FOREIGN, NEVER_TRUSTED
from tem_rf.trust.reasons import fit_reasons, reason_of
from tem_rf.trust.record import CENTRE_STEP, LIMIT, TRUSTED_DICE, DiceMap, ExpectedDice, HeldOutError, TrustRecord
from tem_rf.trust.regression import Regression, fit_regression
from tem_rf.trust.verdict import Verdict, judge

_MIN_THRESHOLD = 0.6  # masks of a lower expected dice are flagged even if many good ones are among them
_MAX_ALARMS = 0.07  # share of the good masks that may be flagged
_MAX_ODD_ALARMS = 0.02  # of these, share that may be flagged because the image is taken for one of `NEVER_TRUSTED`
_ODD_RANGE = (0.35, 0.5)  # in which the threshold for that is
_ODD_IMPORTANCE = 0.1  # of the images of `NEVER_TRUSTED` for the expected dice
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
    reasons = np.array([reason_of(one.condition, one.dice) for one in tried])
    is_odd = np.isin(reasons, NEVER_TRUSTED)
    regression = fit_regression(
        x,
        np.stack([dice, is_odd], axis=1),
        np.stack([np.where(is_odd, _ODD_IMPORTANCE, 1.0), np.ones(len(x))], axis=1),
        groups,
        counts=~is_odd if (~is_odd).any() else np.ones(len(x), bool),
    )
    is_good = (dice >= TRUSTED_DICE) & ~is_odd
    threshold, max_odd = _thresholds(regression.predicted[is_good])
    record = TrustRecord(
        network_sha256=network_sha256,
        tried_on=tuple(tried_on),
        images=len(tried),
        mean=_rounded(mean),
        sd=_rounded(sd),
        expected_dice=_expected_dice(regression, dice, reasons != FOREIGN),
        threshold=threshold,
        max_odd=max_odd,
        max_distance=_max_distance(x[is_good], groups[is_good]),
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
    is_good = (dice >= TRUSTED_DICE) & ~np.isin([one.condition.kind for one in tried], NEVER_TRUSTED)
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


def _expected_dice(regression: Regression, dice: np.ndarray, is_micrograph: np.ndarray) -> ExpectedDice:
    """The part of the record that the regression is; intervals are those of micrographs, where there are any."""
    if not is_micrograph.any():
        is_micrograph = ~is_micrograph
    steps, low, high = _intervals(regression.predicted[is_micrograph, 0], dice[is_micrograph])
    return ExpectedDice(
        centres=tuple(tuple(map(int, row)) for row in np.rint(regression.centres / CENTRE_STEP)),
        weights=_rounded(regression.weights[:, 0]),
        odd_weights=_rounded(regression.weights[:, 1]),
        inverse_width=regression.inverse_width,
        steps=_rounded(steps),
        low=_rounded(low),
        high=_rounded(high),
    )


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


def _thresholds(good: np.ndarray) -> tuple[float, float]:
    """Thresholds of expected dice and oddness that flag as many as may be of the good masks.

    Args:
        good: (images, 2) expected dice and oddness of good masks, as predicted without them.
    """
    if not len(good):
        return TRUSTED_DICE, _ODD_RANGE[0]
    max_odd = float(np.clip(np.quantile(good[:, 1], 1 - _MAX_ODD_ALARMS), *_ODD_RANGE))
    passing = np.where(good[:, 1] > max_odd, -1.0, good[:, 0])  # flagged with any threshold
    return round(float(np.clip(np.quantile(passing, _MAX_ALARMS), _MIN_THRESHOLD, TRUSTED_DICE)), 4), round(max_odd, 4)


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
