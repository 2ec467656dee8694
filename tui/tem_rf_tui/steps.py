"""The six steps from micrographs to particles: which are done in a folder, and which is next."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tem_rf.runs.view import RunView
from tem_rf_tui.jobs import Job
from tem_rf_tui.segment_jobs import SegmentJobs
from tem_rf_tui.wording import counted
from tem_rf_tui.workspace import Workspace

_SHOWN_NAMES = 2


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: What is done in it.
        about: One sentence for somebody who sees the app for the first time.
        keys: The keys that begin it, in words.
        screen: The screen on which it is done.
        action: The action of that screen that begins it.
        done: The result in this folder so far; empty if it is still to be done.
        begin: What the action does, if it is one of several ways.
    """

    title: str
    about: str
    keys: str
    screen: str
    action: str
    done: str = ""
    begin: str = "begin"


def find_steps(workspace: Workspace, runs: Sequence[RunView], jobs: Sequence[Job], networks: str) -> list[Step]:
    """Return the steps; searches the folder.

    Args:
        workspace: The folder.
        runs: Its runs.
        jobs: Its jobs.
        networks: The networks chosen for the next training.
    """
    micrographs, datasets = workspace.micrograph_folders(), workspace.datasets()
    finished = [run for run in runs if run.state == "finished"]
    scored = [run for run in runs if run.run.scores_file.exists()]
    best = max((run.best.validation_hard_dice for run in runs if run.best), default=None)
    training = f"{counted(len(runs), 'run')}, {len(finished)} finished" if finished else ""
    evaluated = counted(len(scored), "run") + (f", best validation dice {best:.3f}" if best else "")
    return [
        Step(
            "Micrographs", "with the particles labelled in some of them; or simulated ones, which are labelled exactly",
            "{app.data}, then {data.simulate} simulate, {data.fetch} fetch or {data.browse} browse", "data", "simulate",
            _names(workspace, micrographs), "simulate some",
        ),
        Step("Dataset", "cut the micrographs into patches for training, validation and test",
             "{app.data}, select the folder, then {data.prepare}", "data", "prepare", _names(workspace, datasets)),
        Step("Network", "its receptive field is the part of the image that decides about a pixel",
             "{app.network}, then {network.use}", "network", "use", f"{networks or 'n2-p44'} is chosen"),
        Step("Training", "runs in the background, also when the app is closed",
             "{app.train}, then {train.new}", "train", "new", training),
        Step("Evaluation", "evaluate the runs on the test images and look at their errors",
             "{app.results}, then {results.evaluate}", "results", "evaluate", evaluated if scored else ""),
        Step("Segmentation", "find and measure the particles in new micrographs",
             "{app.segment}, then {segment.segment}", "segment", "segment", _segmented(jobs)),
    ]  # fmt: skip


def next_step(steps: Sequence[Step]) -> Step | None:
    """Return the first step that is still to be done; None if all are."""
    return next((step for step in steps if not step.done), None)


def _names(workspace: Workspace, folders: Sequence[Path]) -> str:
    names = [workspace.short(folder) for folder in folders[:_SHOWN_NAMES]]
    more = len(folders) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _segmented(jobs: Sequence[Job]) -> str:
    count = len(SegmentJobs().rows(jobs))
    return counted(count, "micrograph") if count else ""
