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
    dice, low, high = expect_dice(record.expected_dice, x)
    scores = np.array(record.reasons.weights) @ x + np.array(record.reasons.offsets)
    likely = np.exp(scores - scores.max())
    likely /= likely.sum()
    names = record.reasons.names
    never = sum(float(likely[names.index(one)]) for one in NEVER_TRUSTED if one in names)
    distance = float(np.sqrt(np.square(np.array(record.expected_dice.centres) - x).sum(axis=1).min()))
    is_trusted = dice >= record.threshold and never < 0.5 and distance <= record.max_distance
    reason = "" if is_trusted else names[1 + int(np.argmax(scores[1:]))] if len(names) > 1 else UNLIKE
    return Verdict(is_trusted, dice, low, high, reason, _dose_factor(record, x))


def expect_dice(expected: ExpectedDice, x: np.ndarray) -> tuple[float, float, float]:
    """Return the expected dice of an image and the ends of its interval.

    Args:
        expected: Of the record.
        x: (n,) standardized statistics.
    """
    to_centres = kernel(x[None], np.array(expected.centres), expected.inverse_width)[0]
    dice = float(np.clip(to_centres @ np.array(expected.weights), 0, 1))
    step = int(np.searchsorted(expected.steps, dice, side="right"))
    low, high = dice + expected.low[step], dice + expected.high[step]
    return dice, float(np.clip(low, 0, dice)), float(np.clip(high, dice, 1))


def kernel(one: np.ndarray, other: np.ndarray, inverse_width: float) -> np.ndarray:
    """(n, k), (m, k) -> (n, m), Gaussian of the distances."""
    square = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.asarray(np.exp(-inverse_width * np.maximum(square, 0)))


def _dose_factor(record: TrustRecord, x: np.ndarray) -> float | None:
    weights = record.reasons.dose
    return None if weights is None else float(10 ** np.clip(np.dot(weights[:-1], x) + weights[-1], -3, 3))
