"""KerasTuner's oracle over a list of networks; a kill at any moment neither loses nor duplicates a trial."""

import itertools
import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from tem_rf.architecture import Architecture
from tem_rf.files import remove_leftovers, write_text

if TYPE_CHECKING:
    from keras_tuner import HyperParameters


Values = dict[str, Any]
EPOCHS = "tuner/epochs"
"""KerasTuner's name for the epochs of a trial, beside its values."""


def values_of(architecture: Architecture) -> Values:
    """Return the hyperparameter values of an architecture.

    >>> values_of(Architecture.from_name("n2-p48-d112-k5"))
    {'depth': 2, 'parts': 'k5', 'pooling_0': 4, 'pooling_1': 8, 'dilation_0': 1, 'dilation_1': 1, 'dilation_2': 2}
    """
    parts = re.sub(r"^n\d+-p[\d.]+(-d[\d.]+)?-?", "", architecture.name)
    poolings = {f"pooling_{level}": size for level, size in enumerate(architecture.pooling_sequence)}
    dilations = {f"dilation_{block}": size for block, size in enumerate(architecture.dilation_sequence)}
    return {"depth": architecture.depth, "parts": parts, **poolings, **dilations}


def architecture_of(values: Mapping[str, Any]) -> Architecture:
    """Return the architecture with these hyperparameter values; other values are ignored.

    >>> architecture_of(values_of(Architecture.from_name("n2-p48-d112-k5"))).name
    'n2-p48-d112-k5'
    """
    depth = values["depth"]
    poolings = tuple(values[f"pooling_{level}"] for level in range(depth))
    dilations = tuple(values[f"dilation_{block}"] for block in range(depth + 1))
    plain = Architecture(poolings, dilation_sequence=dilations).name
    return Architecture.from_name(f"{plain}-{values['parts']}" if values["parts"] else plain)


def declare(candidates: Sequence[Architecture]) -> "HyperParameters":
    """Declare the search space of the candidates; levels that only deeper networks have are conditional on depth.

    Without conditions, values of levels that a network lacks would make identical networks look different.
    """
    from keras_tuner import HyperParameters

    all_values = [values_of(each) for each in candidates]
    hyperparameters = HyperParameters()
    _declare(hyperparameters, "depth", all_values)
    _declare(hyperparameters, "parts", all_values)
    for name in sorted({name for values in all_values for name in values} - {"depth", "parts"}):
        having = [values for values in all_values if name in values]
        with hyperparameters.conditional_scope("depth", sorted({values["depth"] for values in having})):
            _declare(hyperparameters, name, having)
    return hyperparameters


def _declare(hyperparameters: "HyperParameters", name: str, all_values: Sequence[Values]) -> None:
    choices = sorted({values[name] for values in all_values})
    if len(choices) == 1:
        hyperparameters.Fixed(name, choices[0])
    else:
        hyperparameters.Choice(name, choices)


OBJECTIVE = "objective"
_ENDED = (TrialStatus.COMPLETED, TrialStatus.FAILED)


class CandidateOracle(keras_tuner.Oracle):
    """Hands out each network of a list once; a subclass determines the order.

    What KerasTuner 1.4.8 does otherwise: it writes its files in place, so that a kill leaves an empty one; after a
    restart it does not know a trial whose file was written before the list of trials; its own strategies hand out
    networks twice or miss some.

    Args:
        candidates: The networks; a later start may have more.
        folder: Folder of its files.
        budget: Maximum number of networks to hand out; None for all.
        seed: Random seed.
    """

    hyperparameters: keras_tuner.HyperParameters
    trials: dict[str, Trial]
    end_order: list[str]
    _retry_queue: list[str]

    def __init__(self, candidates: Sequence[Architecture], folder: Path, *, budget: int | None, seed: int) -> None:
        super().__init__(
            objective=keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=None,
            hyperparameters=declare(candidates),
            allow_new_entries=False,
            seed=seed + 1,  # KerasTuner takes 0 for none
            max_consecutive_failed_trials=None,
        )
        self.verbose = 0
        self._folder = folder
        self._set_project_dir(folder.parent, folder.name)
        self._declared = self.hyperparameters
        self._candidates = {_key(values_of(each)): values_of(each) for each in candidates}
        self._budget = len(self._candidates) if budget is None else min(budget, len(self._candidates))
        self._has_stopped = False
        self._slots = itertools.count()

    def next_trial(self) -> Trial | None:
        """Return the next trial; None if the search waits for results or is finished."""
        with _quietly():
            trial = self.create_trial(f"slot{next(self._slots)}")
        self._has_stopped = trial.status == TrialStatus.STOPPED
        return trial if trial.status == TrialStatus.RUNNING else None

    @property
    def is_finished(self) -> bool:
        """Whether there are no further trials and no outstanding results."""
        return self._has_stopped and not self.ongoing_trials and not self._retry_queue

    def finish(self, trial_id: str, objective: float) -> None:
        """Record the objective of a trial; if recorded again, the last one counts."""
        trial = self.trials[trial_id]
        trial.metrics = type(trial.metrics)()
        trial.metrics.register(OBJECTIVE, direction="max")
        trial.metrics.update(OBJECTIVE, objective, step=0)
        trial.status = TrialStatus.COMPLETED
        with _quietly():
            self.end_trial(trial)

    def fail(self, trial_id: str, message: str) -> None:
        """Record that a trial failed."""
        trial = self.trials[trial_id]
        trial.status, trial.message = TrialStatus.FAILED, message
        with _quietly():
            self.end_trial(trial)

    def hand_out_again(self, trial_id: str) -> None:
        """Put an ended trial back into the queue."""
        trial = self.trials[trial_id]
        trial.status, trial.message = TrialStatus.RUNNING, None
        self.end_order = [each for each in self.end_order if each != trial_id]
        self._retry_queue.insert(0, trial_id)  # KerasTuner takes from the end
        self._save_trial(trial)
        self.save()

    def untried(self) -> list[Values]:
        """Return the values of networks not handed out yet, in list order; empty once the budget is used up."""
        tried = {_key(trial.hyperparameters.values) for trial in self.trials.values()}
        left = self._budget - len(tried)
        return [values for key, values in self._candidates.items() if key not in tried] if left > 0 else []

    def save(self) -> None:
        """Write `oracle.json` atomically."""
        _write(self._get_oracle_fname(), self.get_state())

    def reload(self) -> None:
        """Read the files of an earlier process, and repair inconsistencies left by a kill between two of them.

        `oracle.json` lists the existing trials; a trial not listed there was never handed out, and is created again.
        A trial's own file records whether it has ended; one that has not is handed out again.
        """
        remove_leftovers(self._folder, "oracle.json")
        for trial_folder in self._folder.glob("trial_*"):
            remove_leftovers(trial_folder, "trial.json")
        super().reload()
        self.hyperparameters = self._declared
        self.trials = {one: self.trials[one] for one in self.start_order}
        self._retry_queue = [one for one in reversed(self.start_order) if self.trials[one].status not in _ENDED]
        ended = [one for one in self.start_order if self.trials[one].status in _ENDED]
        self.end_order = [one for one in self.end_order if one in ended]
        self.end_order += [one for one in ended if one not in self.end_order]

    def update_space(self, hyperparameters: Any) -> None:
        """Do nothing: the search space is that of the candidates, regardless of earlier trials."""

    def _save_trial(self, trial: Trial) -> None:
        _write(f"{self._get_trial_dir(trial.trial_id)}/trial.json", trial.get_state())


def running(values: Values | None) -> dict[str, Any]:
    """What a strategy answers: these values; None: there are no more."""
    return {"status": TrialStatus.STOPPED if values is None else TrialStatus.RUNNING, "values": values}


def _write(path: str, content: Any) -> None:
    write_text(Path(path), json.dumps(content))  # on one line: with indents, JSON takes most of the time of a trial


def _key(values: Values) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((name, value) for name, value in values.items() if not name.startswith("tuner/")))


@contextmanager
def _quietly() -> Iterator[None]:
    """Suppress Python's warning about `threading.currentThread`, which KerasTuner calls."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
