"""The results of trials, from the folders of their runs alone, and what tells trials apart."""

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
    """The settings of training and augmentation that are not alike in all configurations, as `epochs=50 gain=0.1`."""
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
    return {**config.training.model_dump(), **config.augmentation.model_dump()}


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


@dataclass(frozen=True, eq=False)
class TrialResult:
    """Runs that differ in nothing but their seed.

    Attributes:
        dataset: Name of the dataset, told apart from others of the same name.
        variant: Settings that are not the same in every trial of the table, as text; empty where all are.
        runs: The runs, by seed.
        missing_seeds: Seeds of the study that have no run yet.
    """

    dataset: str
    variant: str
    runs: tuple[RunResult, ...]
    missing_seeds: tuple[int, ...] = ()

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
        return Spread.of([max(event.validation_hard_dice for event in run.epochs) for run in self.scored if run.epochs])

    @property
    def training_time_s(self) -> Spread | None:
        """Time that the epochs of the finished and scored runs took [s]."""
        return Spread.of([sum(event.duration_s for event in run.epochs) for run in self.scored if run.epochs])


@dataclass(frozen=True, eq=False)
class Results:
    """What a set of runs came to.

    Attributes:
        trials: The trials, by dataset and receptive field.
        remarks: A sentence for each run that stands in no trial.
    """

    trials: tuple[TrialResult, ...]
    remarks: tuple[str, ...]

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
    remarks: list[str] = []
    groups: dict[str, dict[int, RunResult]] = {}
    for folder in runs:
        try:
            run = _read_run(folder)
        except TemRfError as error:
            remarks.append(f"{folder.name}: left out, it cannot be read ({error})")
            continue
        group = groups.setdefault(run.config.trial, {})
        twin = group.setdefault(run.config.seed, run)
        if twin is not run:
            remarks.append(f"{folder.name}: left out, it trains the same as {twin.run.name}")
    configs = [next(iter(group.values())).config for group in groups.values()]
    labels, differing = dataset_labels(configs), variants(configs)
    trials = [
        TrialResult(
            dataset=label,
            variant=variant,
            runs=tuple(group[seed] for seed in sorted(group)),
            missing_seeds=tuple(seed for seed in seeds if seed not in group),
        )
        for group, label, variant in zip(groups.values(), labels, differing, strict=True)
    ]
    return Results(tuple(sorted(trials, key=_place)), tuple(remarks))


def _read_run(folder: RunFolder) -> RunResult:
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
