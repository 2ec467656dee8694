"""The results that `evaluate`, `study table` and the app show: of trials, and of methods without a network."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tem_rf.architecture import Architecture
from tem_rf.errors import StudyError, TemRfError
from tem_rf.metrics.scores import ImageScores, read_scores
from tem_rf.metrics.summary import Spread, summarize
from tem_rf.runs.config import RunConfig
from tem_rf.runs.events import EpochEvent, epochs, last_status
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.process import state_after


def dataset_labels(configs: Sequence[RunConfig]) -> list[str]:
    """A name of the dataset of each configuration; datasets of one name get the start of their fingerprint."""
    names = [name for name, _ in {(config.dataset.name, config.dataset_sha256) for config in configs}]
    return [_label(config, is_shared=names.count(config.dataset.name) > 1) for config in configs]


def variants(configs: Sequence[RunConfig]) -> list[str]:
    """The settings of training and augmentation that are not alike in all configurations, as `epochs=50 gain=0.1`.

    So is the model that a training started from: `from=au-hrtem` beside `from=scratch`.
    """
    settings = [_settings(config) for config in configs]
    differing = [key for key in (settings[0] if settings else ()) if len({str(one[key]) for one in settings}) > 1]
    return [" ".join(f"{key}={_text(one[key])}" for key in differing) for one in settings]


def natural_order(name: str) -> tuple[tuple[float, str], ...]:
    """What names are sorted by so that numbers in them count.

    >>> sorted(["au-10nm", "au-2.2nm"], key=natural_order)
    ['au-2.2nm', 'au-10nm']
    """
    parts = re.split(r"(\d+(?:\.\d+)?)", name)
    return tuple((float(part), "") if index % 2 else (-1.0, part) for index, part in enumerate(parts))


def _label(config: RunConfig, *, is_shared: bool) -> str:
    return f"{config.dataset.name}@{config.dataset_sha256[:6]}" if is_shared else config.dataset.name


def _settings(config: RunConfig) -> dict[str, Any]:
    start = "scratch" if config.start is None else config.start.name
    return {"from": start, **config.training.model_dump(), **config.augmentation.model_dump()}


def _text(value: Any) -> str:
    return re.sub(r"\s+", "", f"{value:g}" if isinstance(value, float) else str(value))


NOT_SCORED = "not scored"


@dataclass(frozen=True, eq=False)
class RunResult:
    """What one training came to.

    Attributes:
        run: The run folder.
        config: What it trains.
        state: State of the run, or `not scored` where it finished without scores of the network that it ended with.
        detail: Why it failed, if it did.
        epochs: Scores of its epochs.
        scores: Scores of the test images; empty unless the run is finished.
    """

    run: RunFolder
    config: RunConfig
    state: str
    detail: str
    epochs: tuple[EpochEvent, ...]
    scores: tuple[ImageScores, ...]

    @property
    def best(self) -> EpochEvent | None:
        """The epoch with the best validation hard dice."""
        return max(self.epochs, key=lambda event: event.validation_hard_dice, default=None)


@dataclass(frozen=True, eq=False)
class TrialResult:
    """Runs that differ in nothing but their seed.

    Attributes:
        dataset: Name of the dataset, told apart from others of the same name.
        variant: Settings that are not the same in every trial of the table, as text; empty where all are.
        runs: The runs, by seed.
        missing_seeds: Seeds of the study that have no run yet.
        study: Name of the study, in a table of several.
    """

    dataset: str
    variant: str
    runs: tuple[RunResult, ...]
    missing_seeds: tuple[int, ...] = ()
    study: str = ""

    @property
    def method(self) -> str:
        """Name of the architecture."""
        return self.architecture.name

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the runs that means are taken over."""
        return tuple(run.config.seed for run in self.scored)

    @property
    def images(self) -> int:
        """Number of scored images of a seed; 0 where nothing is scored."""
        return max((len(run.scores) for run in self.scored), default=0)

    @property
    def config(self) -> RunConfig:
        """What the runs train, with the first one's seed."""
        return self.runs[0].config

    @property
    def architecture(self) -> Architecture:
        """The architecture."""
        return self.config.architecture

    @property
    def name(self) -> str:
        """Name of the trial, which no other trial of the table has."""
        return "-".join([self.dataset, self.architecture.name, *self.variant.split()])

    @property
    def scored(self) -> tuple[RunResult, ...]:
        """Runs that are finished and scored: those that means are taken over."""
        return tuple(run for run in self.runs if run.scores)

    @property
    def is_complete(self) -> bool:
        """Whether every seed is finished and scored."""
        return len(self.scored) == len(self.runs) and not self.missing_seeds

    @property
    def state(self) -> str:
        """`finished`, or how many runs are in which other state."""
        if self.is_complete:
            return "finished"
        states = [run.state for run in self.runs if not run.scores] + ["no run yet"] * len(self.missing_seeds)
        return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))

    @cached_property
    def scores(self) -> dict[str, Spread]:
        """Mean ± sd of each score over the seeds that are finished and scored, by its name."""
        return summarize({run.config.seed: run.scores for run in self.scored})

    @property
    def validation_hard_dice(self) -> Spread | None:
        """Best validation hard dice of the finished and scored runs."""
        return Spread.of([run.best.validation_hard_dice for run in self.scored if run.best])

    @property
    def training_time_s(self) -> Spread | None:
        """Time that the epochs of the finished and scored runs took [s]."""
        return Spread.of([sum(event.duration_s for event in run.epochs) for run in self.scored if run.epochs])


@dataclass(frozen=True)
class MethodResult:
    """A method without a network on one dataset; it was not trained, so it has no seeds and no costs.

    Attributes:
        dataset: Name of the dataset, as its trials have it.
        method: Name of the method.
        scores: Mean over the images of each score, by its name; empty where the method cannot work on them.
        note: The settings it chose, or why it cannot work.
    """

    dataset: str
    method: str
    scores: dict[str, Spread]
    note: str

    @property
    def name(self) -> str:
        """Dataset and method."""
        return f"{self.dataset}-{self.method}"


Row = TrialResult | MethodResult
"""A row of a table of results."""


@dataclass(frozen=True, eq=False)
class Results:
    """What a set of runs came to.

    Attributes:
        trials: The trials, by dataset and receptive field.
        notes: A sentence for each run that stands in no trial.
    """

    trials: tuple[TrialResult, ...]
    notes: tuple[str, ...]

    def find(self, name: str) -> TrialResult:
        """The trial of this name, of this architecture where only one has it, or that holds the run of this name.

        Raises:
            StudyError: No trial is meant, or several are.
        """
        for names in (lambda trial: {trial.name}, _other_names):
            found = [trial for trial in self.trials if name in names(trial)]
            if len(found) == 1:
                return found[0]
            if found:
                raise StudyError(f"{name}: may be {' or '.join(trial.name for trial in found)}; give one of these.")
        raise StudyError(f"{name}: no such trial; expected one of {', '.join(trial.name for trial in self.trials)}.")


def read_results(runs: Iterable[RunFolder], *, seeds: Sequence[int] = ()) -> Results:
    """Read the folders of runs and put those together that differ in nothing but their seed.

    Args:
        runs: The runs, of one dataset or several.
        seeds: Seeds that every trial is to have; those that runs have are enough where none are given.
    """
    notes: list[str] = []
    read: dict[tuple[str, int], RunResult] = {}
    for folder in runs:
        try:
            run = read_run(folder)
        except TemRfError as error:
            notes.append(f"{folder.name}: left out, it cannot be read ({error})")
            continue
        twin = read.setdefault((run.config.trial, run.config.seed), run)
        if twin is not run:
            notes.append(f"{folder.name}: left out, it trains the same as {twin.run.name}")
    trials = group_runs(read.values(), seeds=seeds)
    return Results(tuple(sorted(trials, key=_place)), tuple(notes))


def group_runs(
    runs: Iterable[RunResult], *, seeds: Sequence[int] = (), study: str = "", is_grouped: bool = True
) -> list[TrialResult]:
    """Put the runs together that differ in nothing but their seed.

    Args:
        runs: The runs; no two train the same.
        seeds: Seeds that every trial is to have.
        study: Name of their study, in a table of several.
        is_grouped: False makes every run a trial of its own.

    Returns:
        The trials, in the order of their first runs.
    """
    groups: dict[object, list[RunResult]] = {}
    for run in runs:
        groups.setdefault(run.config.trial if is_grouped else run, []).append(run)
    configs = [group[0].config for group in groups.values()]
    return [
        TrialResult(
            dataset=label,
            variant=variant,
            runs=tuple(sorted(group, key=lambda run: run.config.seed)),
            missing_seeds=tuple(seed for seed in seeds if seed not in {run.config.seed for run in group}),
            study=study,
        )
        for group, label, variant in zip(groups.values(), dataset_labels(configs), variants(configs), strict=True)
    ]


def read_run(folder: RunFolder) -> RunResult:
    """Read what a training came to.

    Raises:
        TemRfError: The folder cannot be read.
    """
    config, events = folder.config, folder.events()
    status = last_status(events)
    state: str = state_after(status, folder)
    scores: tuple[ImageScores, ...] = ()
    if state == "finished":
        scores = tuple(read_scores(folder.scores_file)) if folder.is_scored else ()
        state = "finished" if scores else NOT_SCORED
    return RunResult(folder, config, state, status.detail if status else "", tuple(epochs(events)), scores)


def _place(trial: TrialResult) -> tuple[Any, ...]:
    architecture = trial.architecture
    return natural_order(trial.dataset), architecture.depth, architecture.receptive_field.equation_size_px, trial.name


def _other_names(trial: TrialResult) -> set[str]:
    return {trial.architecture.name, *(run.run.name for run in trial.runs)}
