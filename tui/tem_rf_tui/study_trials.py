"""The trials of a running study: the results of its runs so far."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from tem_rf.architecture import Architecture
from tem_rf.runs.view import LIVE_STATES, RunView
from tem_rf.study.events import TrialEvent
from tem_rf.study.view import StudyView


@dataclass(frozen=True)
class StudyTrial:
    """One network on one dataset with one recipe.

    Attributes:
        setup: Name of dataset and recipe.
        architecture: The network.
        field_px: Width of its receptive field, equation (1) [px].
        pixel_size_nm: Pixel size [nm]; None if unknown.
        state: State of the trial.
        detail: Why it failed, if it did.
        runs: Its runs so far, by name.
        mean: Mean of the best validation hard dice over the finished seeds; None before the first.
        sd: Its standard deviation; None for fewer than two seeds.
        seeds_done: Number of finished seeds.
        seeds: Number of planned seeds.
    """

    setup: str
    architecture: Architecture
    field_px: int
    pixel_size_nm: float | None
    state: str
    detail: str
    runs: tuple[RunView, ...]
    mean: float | None
    sd: float | None
    seeds_done: int
    seeds: int

    @property
    def name(self) -> str:
        """Name of its runs, without the seed."""
        return f"{self.setup}-{self.architecture.name}"

    @property
    def epochs(self) -> tuple[int, int]:
        """Completed and planned epochs of all its runs."""
        return sum(len(run.epochs) for run in self.runs), sum(run.total_epochs for run in self.runs)

    @property
    def field_text(self) -> str:
        """The receptive field in px, and in nm if the pixel size is known."""
        in_nm = "" if self.pixel_size_nm is None else f"  {self.field_px * self.pixel_size_nm:.2f} nm"
        return f"{self.field_px:3} px{in_nm}"

    @property
    def counts(self) -> bool:
        """Whether it has a result; a failed trial has none, even if some seeds finished."""
        return self.mean is not None and self.state != "failed"

    @property
    def objective_text(self) -> str:
        """Mean ± sd."""
        if self.mean is None:
            return "–"
        return f"{self.mean:.3f}" + ("" if self.sd is None else f" ± {self.sd:.3f}")


def setups_of(study: StudyView) -> list[str]:
    """Return the names of the setups (dataset and recipe) of a study."""
    return [setup.name for setup in study.definition.setups()] if study.definition else []


def trials_of(study: StudyView, setup: str) -> list[StudyTrial]:
    """Return the started trials of one setup, sorted by depth and receptive field."""
    groups: dict[str, list[RunView]] = {}
    for run in sorted(study.runs, key=lambda each: each.run.name):
        trial, _, _ = run.run.name.rpartition("-s")  # runs of studies are named SETUP-NETWORK-sSEED
        if run.config is not None and trial == f"{setup}-{run.config.architecture.name}":
            groups.setdefault(run.config.architecture.name, []).append(run)
    seeds = len(study.definition.seeds) if study.definition else 0
    trials = [_trial(setup, tuple(runs), seeds, study.trials.get((setup, network))) for network, runs in groups.items()]
    return sorted(trials, key=lambda each: (each.architecture.depth, each.field_px, each.name))


def best_per_depth(trials: Iterable[StudyTrial]) -> list[StudyTrial]:
    """Return the trial with the best mean for each depth that has a result."""
    best: dict[int, StudyTrial] = {}
    for trial in trials:
        other = best.get(trial.architecture.depth)
        if trial.counts and (other is None or (trial.mean or 0.0) > (other.mean or 0.0)):
            best[trial.architecture.depth] = trial
    return [best[depth] for depth in sorted(best)]


def _trial(setup: str, runs: tuple[RunView, ...], seeds: int, event: TrialEvent | None) -> StudyTrial:
    config = runs[0].config
    assert config is not None
    done = [run.best.validation_hard_dice for run in runs if run.state == "finished" and run.best]
    return StudyTrial(
        setup=setup,
        architecture=config.architecture,
        field_px=_field_px(config.architecture),
        pixel_size_nm=config.pixel_size_nm,
        state=_state(runs, seeds, event),
        detail=event.detail if event else "",
        runs=runs,
        mean=statistics.fmean(done) if done else None,
        sd=statistics.stdev(done) if len(done) > 1 else None,
        seeds_done=len(done),
        seeds=max(seeds, len(runs)),
    )


def _state(runs: tuple[RunView, ...], seeds: int, event: TrialEvent | None) -> str:
    states = [run.state for run in runs]
    if any(state in LIVE_STATES for state in states):
        return "running"
    if event is not None and event.state == "failed":
        return "failed"
    if states == ["finished"] * max(seeds, len(runs)):
        return "finished"
    return next((state for state in ("killed", "failed", "unreadable", "stopped") if state in states), "queued")


@lru_cache(maxsize=4096)
def _field_px(architecture: Architecture) -> int:
    return architecture.receptive_field.equation_size_px
