"""The plan of Hyperband: how many networks are trained for how many epochs, and how many go on."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """So many networks, each trained for so many epochs in all."""

    networks: int
    epochs: int


def plan_brackets(networks: int, *, epochs: int, min_epochs: int, reduction: int) -> tuple[tuple[Rung, ...], ...]:
    """Share out networks over brackets; each bracket is its rungs, from many networks to few.

    Brackets differ in how early they drop networks, against networks that begin slowly and end well; they get shares
    that cost about the same. As published, their sizes would be fixed by the epochs alone, and a space of a hundred
    networks would be used up within the first bracket.

    Args:
        networks: Networks to be tried in all.
        epochs: Epochs of the last rung.
        min_epochs: Epochs of the first rung of the bracket that drops earliest, at least.
        reduction: One network in so many goes on, for so many times the epochs.

    Source: Li et al. 2018, "Hyperband", algorithm 1.

    >>> for bracket in plan_brackets(20, epochs=27, min_epochs=3, reduction=3):
    ...     print([(rung.networks, rung.epochs) for rung in bracket])
    [(12, 3), (4, 9), (2, 27)]
    [(5, 9), (2, 27)]
    [(3, 27)]
    """
    halvings = max(0, int(math.log(epochs / min(min_epochs, epochs), reduction) + 1e-9))
    shares = {steps: reduction**steps / (steps + 1) for steps in range(halvings, -1, -1)}
    brackets = []
    for steps, size in zip(shares, _split(networks, list(shares.values())), strict=True):
        rungs = []
        for step in range(steps + 1):
            rungs.append(Rung(size, math.ceil(epochs / reduction ** (steps - step))))
            size = math.ceil(size / reduction)
        brackets.append(tuple(rungs))
    return tuple(bracket for bracket in brackets if bracket[0].networks)


def _split(number: int, shares: list[float]) -> list[int]:
    """Whole numbers in proportion to the shares; what rounding leaves goes to the first."""
    parts = [int(number * share / sum(shares)) for share in shares]
    return [parts[0] + number - sum(parts), *parts[1:]]
