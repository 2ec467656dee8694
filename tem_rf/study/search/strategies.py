"""Search strategies: grid, random, Bayesian, Hyperband."""

import math
import random
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial, TrialStatus
from sklearn.exceptions import ConvergenceWarning

from tem_rf.architecture import Architecture
from tem_rf.study.definition.sections import Strategy
from tem_rf.study.search.oracle import EPOCHS, CandidateOracle, Values, running


@dataclass(frozen=True)
class Rung:
    """A rung of Hyperband: a number of networks, each trained for a total number of epochs."""

    networks: int
    epochs: int


def plan_brackets(networks: int, *, epochs: int, min_epochs: int, reduction: int) -> tuple[tuple[Rung, ...], ...]:
    """Distribute networks over brackets; each bracket is a list of rungs, from many networks to few.

    Brackets differ in how early they drop networks, against networks that begin slowly and end well; they get shares
    that cost about the same. As published, their sizes would be fixed by the epochs alone, and a space of a hundred
    networks would be used up within the first bracket.

    Args:
        networks: Total number of networks to try.
        epochs: Epochs of the last rung.
        min_epochs: Epochs of the first rung of the bracket that drops earliest, at least.
        reduction: In each round, 1 of this many networks continues, for this many times the epochs.

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
    """Return whole numbers in proportion to the shares; the remainder from rounding goes to the first."""
    parts = [int(number * share / sum(shares)) for share in shares]
    return [parts[0] + number - sum(parts), *parts[1:]]


_PROMOTED, _BRACKET, _RUNG = "tuner/trial_id", "tuner/bracket", "tuner/round"


def open_oracle(
    strategy: Strategy, candidates: Sequence[Architecture], folder: Path, *, epochs: int
) -> CandidateOracle:
    """Open the oracle of one setup of a study, as an earlier process left it.

    An oracle whose files cannot be read starts from scratch, and the results of finished runs are recorded again.

    Args:
        strategy: The strategy and its settings.
        candidates: The networks.
        folder: Folder of its files.
        epochs: Epochs of a run.
    """
    if (folder / "oracle.json").exists():
        oracle = _build(strategy, candidates, folder, epochs)
        try:
            oracle.reload()
        except (ValueError, KeyError, TypeError, RuntimeError):
            shutil.rmtree(folder)
        else:
            return oracle
    shutil.rmtree(folder, ignore_errors=True)  # trials without a list of trials: nobody has them
    return _build(strategy, candidates, folder, epochs)


class GridOracle(CandidateOracle):
    """All networks in the order of the list."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The next network."""
        return running(next(iter(self.untried()), None))


class RandomOracle(CandidateOracle):
    """All networks in random order."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """A network at random."""
        return running(self._random_values())

    def _random_values(self) -> Values | None:
        """Depend only on the seed and the number of trials, so that a restart continues in the same order."""
        untried = self.untried()
        return random.Random(f"{self.seed} {len(self.trials)}").choice(untried) if untried else None


class BayesianOracle(RandomOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Bayesian search: the most promising network by a Gaussian process fitted to the trials so far.

    KerasTuner optimizes over a continuous space and rounds, which can return networks already tried. Here the same
    bound is computed for each remaining network.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return a random network until there are enough results to fit, then the most promising one."""
        untried = self.untried()
        completed = sum(trial.status == TrialStatus.COMPLETED for trial in self.trials.values())
        if not untried or completed < max(3, 2 * len(self._nonfixed_space())):
            return running(self._random_values())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # too few trials to estimate the length scale
            self.gpr.fit(*self._vectorize_trials())
        mean, deviation = self.gpr.predict(np.array([self._vector(values) for values in untried]), return_std=True)
        return running(untried[int(np.argmin(mean - self.beta * deviation))])

    def _vector(self, values: Values) -> list[float]:
        """As `_vectorize_trials` does it: a level that the network lacks counts as its default."""
        return [hp.value_to_prob(values.get(hp.name, hp.default)) for hp in self._nonfixed_space()]


class HyperbandOracle(RandomOracle):
    """Many networks for a few epochs, the best of them for more; a promoted trial extends the runs of the former.

    KerasTuner's own keeps its brackets beside the trials, where a kill makes the two disagree; waits for ever for a
    round in which trials failed; and its sizes know nothing of how many networks there are. Here all is read off
    the trials.
    """

    def __init__(
        self,
        candidates: Sequence[Architecture],
        folder: Path,
        *,
        budget: int | None,
        seed: int,
        epochs: int,
        min_epochs: int,
        reduction: int,
    ) -> None:
        super().__init__(candidates, folder, budget=budget, seed=seed)
        self._brackets = plan_brackets(self._budget, epochs=epochs, min_epochs=min_epochs, reduction=reduction)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return a network to promote, or a new one; while a bracket waits for results, the next one starts."""
        for bracket, rungs in enumerate(self._brackets):
            for rung, planned in enumerate(rungs):
                if len(self._members(bracket, rung)) >= planned.networks:  # more, where an extension plans fewer
                    continue
                values = self._promoted(bracket, rung, rungs) if rung else self._random_values()
                if values is not None:
                    return running({**values, EPOCHS: planned.epochs, _BRACKET: bracket, _RUNG: rung})
        return {"status": TrialStatus.IDLE} if self.ongoing_trials else running(None)

    def _members(self, bracket: int, rung: int) -> list[Trial]:
        def place(trial: Trial) -> tuple[int, int]:
            values = trial.hyperparameters.values
            return values[_BRACKET], values[_RUNG]

        return [trial for trial in self.trials.values() if place(trial) == (bracket, rung)]

    def _promoted(self, bracket: int, rung: int, rungs: Sequence[Rung]) -> Values | None:
        """Return the best trial of the rung below, once it is certain to be among those that continue."""
        below = self._members(bracket, rung - 1)
        promoted = {trial.hyperparameters.values[_PROMOTED] for trial in self._members(bracket, rung)}
        rest = [trial for trial in below if trial.trial_id not in promoted and trial.status != TrialStatus.RUNNING]
        completed = [trial for trial in rest if trial.status == TrialStatus.COMPLETED]
        is_sure = len(rest) > rungs[rung - 1].networks - rungs[rung].networks
        if not completed or not (is_sure or self._is_quiet(bracket)):
            return None
        best = max(completed, key=lambda trial: trial.score)
        return {**best.hyperparameters.values, _PROMOTED: best.trial_id}

    def _is_quiet(self, bracket: int) -> bool:
        """Whether no trial is running in a bracket; after failures, its rungs stay smaller than planned."""
        ongoing = self.ongoing_trials.values()
        return all(trial.hyperparameters.values[_BRACKET] != bracket for trial in ongoing)


def _build(strategy: Strategy, candidates: Sequence[Architecture], folder: Path, epochs: int) -> CandidateOracle:
    if strategy.name == "hyperband":
        return HyperbandOracle(
            candidates,
            folder,
            budget=strategy.budget,
            seed=strategy.seed,
            epochs=epochs,
            min_epochs=strategy.min_epochs,
            reduction=strategy.reduction,
        )
    kinds: dict[str, type[CandidateOracle]] = {"grid": GridOracle, "random": RandomOracle, "bayesian": BayesianOracle}
    return kinds[strategy.name](candidates, folder, budget=strategy.budget, seed=strategy.seed)
