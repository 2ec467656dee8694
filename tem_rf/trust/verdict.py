"""The verdict on one image: whether to trust its mask, the expected dice, why not, and what to do."""

from dataclasses import dataclass

import numpy as np

from tem_rf.trust.kinds import NEVER_TRUSTED, UNLIKE
from tem_rf.trust.record import ExpectedDice, TrustRecord


@dataclass(frozen=True)
class Verdict:
    """Whether the mask of an image can be trusted.

    Attributes:
        is_trusted: Whether nothing speaks against it.
        expected_dice: Dice to expect.
        low: Lower end of its interval, which contains the dice of 90 % of the images.
        high: Upper end of its interval.
        reason: Why not: a name of `tem_rf.trust.reasons`; empty if it is trusted.
        dose_factor: Dose in units of the usual one, as the noise shows it; None: not known.
    """

    is_trusted: bool
    expected_dice: float
    low: float
    high: float
    reason: str = ""
    dose_factor: float | None = None


def judge(record: TrustRecord, statistics: np.ndarray) -> Verdict:
    """Judge an image by its statistics.

    Args:
        record: The record of the network.
        statistics: (n,) float64, of `measure`.
    """
    x = record.standardize(statistics)
    expected = record.expected_dice
    square = np.square(expected.places - x).sum(axis=1)
    dice, oddness = np.clip(np.exp(-expected.inverse_width * square) @ expected.both_weights, 0, 1)
    is_odd = bool(oddness > record.max_odd)
    is_trusted = not is_odd and bool(dice >= record.threshold and np.sqrt(square.min()) <= record.max_distance)
    low, high = _interval(expected, float(dice))
    reason = "" if is_trusted else _reason(record, x, is_odd=is_odd and bool(dice >= record.threshold))
    return Verdict(is_trusted, float(dice), low, high, reason, _dose_factor(record, x))


def _interval(expected: ExpectedDice, dice: float) -> tuple[float, float]:
    step = int(np.searchsorted(expected.steps, dice, side="right"))
    low, high = dice + expected.low[step], dice + expected.high[step]
    return float(np.clip(low, 0, dice)), float(np.clip(high, dice, 1))


def _reason(record: TrustRecord, x: np.ndarray, *, is_odd: bool) -> str:
    """The most likely reason; of those of odd images if nothing but the oddness speaks against the image."""
    names = record.reasons.names
    scores = np.array(record.reasons.weights) @ x + np.array(record.reasons.offsets)
    candidates = [index for index in range(1, len(names)) if not is_odd or names[index] in NEVER_TRUSTED]
    return names[max(candidates, key=lambda index: scores[index])] if candidates else UNLIKE


def kernel(one: np.ndarray, other: np.ndarray, inverse_width: float) -> np.ndarray:
    """(n, k), (m, k) -> (n, m), Gaussian of the distances."""
    square = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.asarray(np.exp(-inverse_width * np.maximum(square, 0)))


def _dose_factor(record: TrustRecord, x: np.ndarray) -> float | None:
    weights = record.reasons.dose
    return None if weights is None else float(10 ** np.clip(np.dot(weights[:-1], x) + weights[-1], -3, 3))
