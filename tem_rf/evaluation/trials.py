"""The results shown by `evaluate`, `study table` and the app: of trials, and of methods without a network."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tem_rf.architecture import Architecture
from tem_rf.errors import StudyError, TemRfError
from tem_rf.metrics.scores import ImageScores, read_scores
from tem_rf.metrics.summary import Spread, summarize
from tem_rf.runs.calibration import Calibration, MeasuredReliability, read_calibration
from tem_rf.runs.config import RunConfig
from tem_rf.runs.events import EpochEvent, epochs, kept_epoch, last_status
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.process import state_after


def dataset_labels(configs: Sequence[RunConfig]) -> list[str]:
    """Name of the dataset of each configuration. The start of the fingerprint tells apart datasets of the same name."""
    names = [name for name, _ in {(config.dataset.name, config.dataset_sha256) for config in configs}]
    return [_label(config, is_shared=names.count(config.dataset.name) > 1) for config in configs]


def variants(configs: Sequence[RunConfig]) -> list[str]:
    """Settings of training and augmentation that differ between the configurations, as `epochs=50 gain=0.1`.

    The model that a training started from is one of them: `from=au-hrtem` beside `from=scratch`.
    """
    settings = [_settings(config) for config in configs]
    differing = [key for key in (settings[0] if settings else ()) if len({str(one[key]) for one in settings}) > 1]
    return [" ".join(f"{key}={_text(one[key])}" for key in differing) for one in settings]


def natural_order(name: str) -> tuple[tuple[float, str], ...]:
    """Sort key for names that orders numbers in them by value.

    >>> sorted(["au-10nm", "au-2.2nm"], key=natural_order)
    ['au-2.2nm', 'au-10nm']
    """
    parts = re.split(r"(\d+(?:\.\d+)?)", name)
    return tuple((float(part), "") if index % 2 else (-1.0, part) for index, part in enumerate(parts))


def _label(config: RunConfig, *, is_shared: bool) -> str:
    return f"{config.dataset.name}@{config.dataset_sha256[:6]}" if is_shared else config.dataset.name


def _settings(config: RunConfig) -> dict[str, Any]:
    start = "scratch" if config.start is None else config.start.name
    folds = 0 if config.fold is None else config.fold.folds
    return {"from": start, "folds": folds, **config.training.model_dump(), **config.augmentation.model_dump()}


def _text(value: Any) -> str:
    return re.sub(r"\s+", "", f"{value:g}" if isinstance(value, float) else str(value))


NOT_SCORED = "not scored"


@dataclass(frozen=True, eq=False)
class RunResult:
    """The results of one training.

    Attributes:
        run: The run folder.
        config: Its configuration.
        state: State of the run, or `not scored` if it finished and its final network has no scores.
        detail: The error, if it failed.
        epochs: Scores of its epochs.
        scores: Scores of the test images; empty unless the run is finished.
        calibration: Its temperature, and the reliability of its probabilities; None if it was not measured.
    """

    run: RunFolder
    config: RunConfig
    state: str
    detail: str
    epochs: tuple[EpochEvent, ...]
    scores: tuple[ImageScores, ...]
    calibration: Calibration | None = None

    @property
    def reliability(self) -> MeasuredReliability | None:
        """Reliability on the test images."""
        return None if self.calibration is None else self.calibration.test

    @cached_property
    def best(self) -> EpochEvent | None:
        """The epoch whose network is kept."""
        return kept_epoch(self.epochs, self.config.training.keep)


@dataclass(frozen=True, eq=False)
class TrialResult:
    """Runs that differ only in their seed, or in the fold of a cross-validation.

    Attributes:
        dataset: Name of the dataset, unique among datasets of the same name.
        variant: Settings that differ between the trials of the table, as text; empty if none differ.
        runs: The runs, by seed.
        missing_seeds: Seeds of the study that have no run yet.
        study: Name of the study, in a table of several studies.
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
        """Seeds of the runs that are averaged."""
        return tuple(dict.fromkeys(run.config.seed for run in self.scored))

    @property
    def images(self) -> int:
        """Number of scored images per seed, in all folds; 0 if nothing is scored."""
        counts: dict[int, int] = {}
        for run in self.scored:
            counts[run.config.seed] = counts.get(run.config.seed, 0) + len(run.scores)
        return max(counts.values(), default=0)

    @property
    def config(self) -> RunConfig:
        """The configuration of the runs, with the seed of the first."""
        return self.runs[0].config

    @property
    def architecture(self) -> Architecture:
        """The architecture."""
        return self.config.architecture

    @property
    def name(self) -> str:
        """Name of the trial, unique in the table."""
        return "-".join([self.dataset, self.architecture.name, *self.variant.split()])

    @property
    def scored(self) -> tuple[RunResult, ...]:
        """Runs that are finished and scored. Means are taken over them."""
        return tuple(run for run in self.runs if run.scores)

    @property
    def is_complete(self) -> bool:
        """Whether every seed is finished and scored."""
        return len(self.scored) == len(self.runs) and not self.missing_seeds

    @property
    def state(self) -> str:
        """`finished`, or the number of runs in each other state."""
        if self.is_complete:
            return "finished"
        states = [run.state for run in self.runs if not run.scores] + ["no run yet"] * len(self.missing_seeds)
        return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))

    @cached_property
    def scores(self) -> dict[str, Spread]:
        """Mean ± sd of each score over the finished and scored seeds, or folds, by score name."""
        return summarize({run.config.member: run.scores for run in self.scored})

    @property
    def calibration_error(self) -> Spread | None:
        """Expected calibration error on the test images, with the temperature."""
        return Spread.of([run.reliability.after.error for run in self.scored if run.reliability])

    @property
    def uncalibrated_error(self) -> Spread | None:
        """The same without the temperature."""
        return Spread.of([run.reliability.before.error for run in self.scored if run.reliability])

    @property
    def temperature(self) -> Spread | None:
        """Temperature of the scored runs that have one."""
        found = [run.calibration.temperature for run in self.scored if run.calibration]
        return Spread.of([one for one in found if one is not None])

    @property
    def validation_hard_dice(self) -> Spread | None:
        """Best validation hard dice of the finished and scored runs."""
        return Spread.of([run.best.validation_hard_dice for run in self.scored if run.best])

    @property
    def training_time_s(self) -> Spread | None:
        """Total time of the epochs of the finished and scored runs [s]."""
        return Spread.of([sum(event.duration_s for event in run.epochs) for run in self.scored if run.epochs])


@dataclass(frozen=True)
class MethodResult:
    """A method without a network on one dataset. It is not trained, so it has no seeds and no costs.

    Attributes:
        dataset: Name of the dataset, the same as for its trials.
        method: Name of the method.
        scores: Mean of each score over the images, by score name; empty if the method cannot be applied.
        note: The settings it chose, or why it cannot be applied.
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
    """The results of a set of runs.

    Attributes:
        trials: The trials, by dataset and receptive field.
        notes: One sentence for each run that is left out.
    """

    trials: tuple[TrialResult, ...]
    notes: tuple[str, ...]

    def find(self, name: str) -> TrialResult:
        """Find a trial by its name, by its architecture if that is unambiguous, or by the name of one of its runs.

        Raises:
            StudyError: No trial matches, or several do.
        """
        for names in (lambda trial: {trial.name}, _other_names):
            found = [trial for trial in self.trials if name in names(trial)]
            if len(found) == 1:
                return found[0]
            if found:
                raise StudyError(
                    f"{name}: could be {' or '.join(trial.name for trial in found)}; give one of these names."
                )
        raise StudyError(f"{name}: no such trial; expected one of {', '.join(trial.name for trial in self.trials)}.")


def read_results(runs: Iterable[RunFolder], *, seeds: Sequence[int] = ()) -> Results:
    """Read run folders and group the runs that differ only in their seed.

    Args:
        runs: The runs, on one dataset or several.
        seeds: Seeds that every trial should have; none: the seeds of the existing runs.
    """
    notes: list[str] = []
    read: dict[tuple[str, tuple[int, int]], RunResult] = {}
    for folder in runs:
        try:
            run = read_run(folder)
        except TemRfError as error:
            notes.append(f"{folder.name}: left out, cannot be read ({error})")
            continue
        twin = read.setdefault((run.config.trial, run.config.member), run)
        if twin is not run:
            notes.append(f"{folder.name}: left out, has the same configuration as {twin.run.name}")
    trials = group_runs(read.values(), seeds=seeds)
    return Results(tuple(sorted(trials, key=_place)), tuple(notes))


def group_runs(
    runs: Iterable[RunResult], *, seeds: Sequence[int] = (), study: str = "", is_grouped: bool = True
) -> list[TrialResult]:
    """Group the runs that differ only in their seed.

    Args:
        runs: The runs, no two with the same configuration.
        seeds: Seeds that every trial should have.
        study: Name of their study, in a table of several studies.
        is_grouped: False: every run is a trial.

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
            runs=tuple(sorted(group, key=lambda run: run.config.member)),
            missing_seeds=tuple(seed for seed in seeds if seed not in {run.config.seed for run in group}),
            study=study,
        )
        for group, label, variant in zip(groups.values(), dataset_labels(configs), variants(configs), strict=True)
    ]


def read_run(folder: RunFolder) -> RunResult:
    """Read the results of a training.

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
    detail, calibration = status.detail if status else "", read_calibration(folder) if scores else None
    return RunResult(folder, config, state, detail, tuple(epochs(events)), scores, calibration)


def _place(trial: TrialResult) -> tuple[Any, ...]:
    architecture = trial.architecture
    return natural_order(trial.dataset), architecture.depth, architecture.receptive_field.equation_size_px, trial.name


def _other_names(trial: TrialResult) -> set[str]:
    return {trial.architecture.name, *(run.run.name for run in trial.runs)}
