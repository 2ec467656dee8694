"""Studies of stub trainings: made, driven and compared run for run."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tem_rf.runs import RunFolder
from tem_rf.runs.events import EpochEvent
from tem_rf.study.definition.definition import define_study
from tem_rf.study.events import RunEvent, TrialEvent
from tem_rf.study.execution.clusters import Cluster
from tem_rf.study.execution.dask_pool import DaskPool
from tem_rf.study.folder import StudyFolder

STUB = Path(__file__).with_name("stub_training.py")
NETWORKS = ("n2-p22-f1", "n2-p22-f2", "n2-p24-f1")
SEEDS = (752, 140)


def new_study(
    dataset: Path, path: Path, *, networks: Sequence[str] = NETWORKS, epochs: int = 3, **fields: Any
) -> StudyFolder:
    """A study of some networks and two seeds."""
    content = {
        "datasets": [dataset],
        "seeds": SEEDS,
        "space": {"networks": networks, "within_patch": False},
        "training": {"recipe": "paper", "epochs": epochs},
        **fields,
    }
    return StudyFolder.create_or_open(path, define_study(content))


def stub_command(*options: str) -> tuple[str, ...]:
    """What trains a run of such a study."""
    return (sys.executable, str(STUB), *options)


def on(cluster: Cluster) -> Callable[[StudyFolder], DaskPool]:
    """How the driver starts its workers."""
    return lambda folder: DaskPool(cluster, folder.path)


def table(study: StudyFolder) -> dict[str, tuple[Any, ...]]:
    """What each run came to, without times: the same for the same study, whatever happened to it."""
    return {run.name: _result(run) for run in study.runs()}


def trial_ends(study: StudyFolder) -> dict[str, str]:
    """How the trial of each network ended last."""
    ends = [event for event in study.events() if isinstance(event, TrialEvent) and event.state != "started"]
    return {event.architecture: event.state for event in ends}


def run_events(study: StudyFolder, state: str) -> list[RunEvent]:
    """What was reported of runs in this state."""
    return [event for event in study.events() if isinstance(event, RunEvent) and event.state == state]


def _result(run: RunFolder) -> tuple[Any, ...]:
    epochs = [event.model_dump(exclude={"time"}) for event in run.events() if isinstance(event, EpochEvent)]
    state = run.events()[-1]
    return (
        getattr(state, "state", state),
        getattr(state, "detail", ""),
        epochs,
        run.scores_file.read_text() if run.scores_file.exists() else None,
    )
