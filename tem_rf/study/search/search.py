"""Choose what to train next; used only by the driver of a study."""

import math
import statistics
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tem_rf.architecture import Architecture
from tem_rf.files import remove_leftovers
from tem_rf.runs.dataset import configure_run
from tem_rf.runs.events import epochs, last_status
from tem_rf.runs.extension import is_complete, open_or_extend
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.process import state_after
from tem_rf.study.definition.definition import Setup, StudyDefinition
from tem_rf.study.definition.sections import Objective
from tem_rf.study.definition.space import setup_candidates
from tem_rf.study.definition.starts import find_start
from tem_rf.study.folder import StudyFolder
from tem_rf.study.search.oracle import EPOCHS, architecture_of

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Trial:
    """One network to be trained on one dataset with one recipe.

    Attributes:
        identifier: Unique in the study: `PART/NUMBER`.
        setup: Name of the setup: dataset, recipe and start.
        architecture: The network.
        epochs: Epochs of each run; a run may have more, from a later trial of the same network.
        runs: One run folder per seed, created or extended when the trial was handed out.
    """

    identifier: str
    setup: str
    architecture: Architecture
    epochs: int
    runs: tuple[RunFolder, ...]

    def unfinished(self) -> tuple[RunFolder, ...]:
        """Return the runs still to be trained or scored; after a kill, some may have finished."""
        return tuple(run for run in self.runs if not (_has_trained(run, self.epochs) and run.is_scored))


class Search:
    """The oracles of all setups of a study.

    If a study was extended or has lost runs, trials whose runs are no longer complete are handed out again, and only
    the missing part is trained.

    Args:
        folder: The study, claimed by this process.
        retry_failed: Hand out failed trials again.

    Raises:
        DatasetError: A dataset is missing or cannot be used.
        ModelError: A model to start from is missing or damaged.
        StudyError: No network of the space fits a dataset, or that of a model is not in the space.
    """

    def __init__(self, folder: StudyFolder, *, retry_failed: bool = False) -> None:
        definition = folder.definition
        self._setups = {setup.name: _SetupSearch(folder, definition, setup) for setup in definition.setups()}
        for setup in self._setups.values():
            setup.hand_out_incomplete_again(retry_failed=retry_failed)

    def ask(self) -> Trial | None:
        """Return the next trial, of the setup with the fewest trials so far; None if there is none at present.

        Raises:
            DatasetError: A dataset is gone, or was changed.
            RunError: A run folder of the study holds another run.
        """
        for setup in sorted(self._setups.values(), key=lambda setup: setup.trials_so_far):
            trial = setup.ask()
            if trial is not None:
                return trial
        return None

    def tell(self, trial: Trial, failure: str = "") -> float | None:
        """Record the results of the runs of a trial.

        Args:
            trial: A trial whose runs have all ended.
            failure: Why it failed, where its runs do not say so.

        Returns:
            The objective; None if the trial failed because one of its runs did not reach its epochs.
        """
        return self._setups[trial.setup].tell(trial, failure)

    @property
    def is_finished(self) -> bool:
        """Whether all trials were handed out and recorded; valid once `ask` has returned None."""
        return all(setup.oracle.is_finished for setup in self._setups.values())


class _SetupSearch:
    """The search in one setup of a study."""

    def __init__(self, folder: StudyFolder, definition: StudyDefinition, setup: Setup) -> None:
        from tem_rf.study.search.strategies import open_oracle  # imports Keras

        self._folder = folder
        self._definition = definition
        self._setup = setup
        self._start = find_start(setup.start_from)
        self.oracle = open_oracle(
            definition.strategy,
            setup_candidates(definition.space, setup),
            folder.oracle_folder / setup.name,
            epochs=setup.training.epochs,
        )

    @property
    def trials_so_far(self) -> int:
        return len(self.oracle.trials)

    def hand_out_incomplete_again(self, *, retry_failed: bool) -> None:
        for identifier, handed_out in list(self.oracle.trials.items()):
            if handed_out.status == "COMPLETED":
                trial = self._trial(handed_out, is_to_run=False)
                if not all(_has_trained(run, trial.epochs) for run in trial.runs):
                    self.oracle.hand_out_again(identifier)
            elif handed_out.status == "FAILED" and retry_failed:
                self.oracle.hand_out_again(identifier)

    def ask(self) -> Trial | None:
        handed_out = self.oracle.next_trial()
        return None if handed_out is None else self._trial(handed_out, is_to_run=True)

    def tell(self, trial: Trial, failure: str) -> float | None:
        identifier = trial.identifier.removeprefix(f"{self._setup.name}/")
        untrained = [run for run in trial.runs if not _has_trained(run, trial.epochs)]
        if untrained:
            self.oracle.fail(identifier, failure or _why(untrained[0]))
            return None
        objective = _objective(trial, self._definition.objective)
        self.oracle.finish(identifier, objective)
        return objective

    def _trial(self, handed_out: Any, *, is_to_run: bool) -> Trial:
        """A trial of the oracle as one of the study; `is_to_run`: create or extend its run folders."""
        values = handed_out.hyperparameters.values
        architecture = architecture_of(values)
        asked_for = values.get(EPOCHS, self._setup.training.epochs)
        runs = {seed: RunFolder(self._run_path(architecture, seed)) for seed in self._definition.seeds}
        if is_to_run:
            for seed, run in runs.items():
                self._prepare(run, architecture, asked_for, seed)
        identifier = f"{self._setup.name}/{handed_out.trial_id}"
        return Trial(identifier, self._setup.name, architecture, asked_for, tuple(runs.values()))

    def _run_path(self, architecture: Architecture, seed: int) -> Path:
        return self._folder.runs_folder / f"{self._setup.name}-{architecture.name}-s{seed}"

    def _prepare(self, run: RunFolder, architecture: Architecture, asked_for: int, seed: int) -> None:
        if run.config_file.exists():
            asked_for = max(asked_for, run.config.training.epochs)  # may be extended by a later trial of this network
        remove_leftovers(run.path, run.config_file.name)  # of a driver that was killed while it made the folder
        training = self._setup.training.model_copy(update={"epochs": asked_for})
        ancestor = None if self._start is None else self._start.ancestor
        config = configure_run(
            self._setup.dataset, architecture, training, seed, self._definition.augmentation, ancestor
        )
        open_or_extend(run.path, config)
        if self._start_network is not None and not run.start_file.exists():
            from tem_rf.runs.network import save_start  # imports Keras

            save_start(run, self._start_network)

    @cached_property
    def _start_network(self) -> "keras.Model | None":
        return None if self._start is None else self._start.load()


def _has_trained(run: RunFolder, number: int) -> bool:
    """Whether a run has this many epochs, or ended early for lack of progress."""
    if not run.config_file.exists():
        return False
    asked_for = run.config.training.epochs
    if asked_for > number:
        return len(epochs(run.events())) >= number or is_complete(run)
    return asked_for == number and is_complete(run)


def _objective(trial: Trial, weights: Objective) -> float:
    """Return the mean over seeds of the best validation hard dice, minus the costs of parameters and time."""
    runs = [[event for event in epochs(run.events()) if event.epoch <= trial.epochs] for run in trial.runs]
    objective = statistics.fmean(max(event.validation_hard_dice for event in run) for run in runs)
    if weights.parameters_weight:
        objective -= weights.parameters_weight * math.log10(trial.architecture.parameters)
    if weights.time_weight:
        seconds = statistics.fmean(sum(event.duration_s for event in run) for run in runs)
        objective -= weights.time_weight * math.log10(seconds)
    return objective


def _why(run: RunFolder) -> str:
    status = last_status(run.events())
    detail = f": {status.detail}" if status and status.detail else ""
    return f"{run.name}: {state_after(status, run)}{detail}"
