"""How far a study is, from its folder alone."""

from dataclasses import dataclass
from typing import Literal

from tem_rf.errors import TemRfError
from tem_rf.runs.events import State, last_status
from tem_rf.runs.extension import is_complete
from tem_rf.runs.process import state, state_after
from tem_rf.study.definition.definition import StudyDefinition
from tem_rf.study.definition.space import setup_candidates
from tem_rf.study.folder import StudyFolder


@dataclass(frozen=True)
class StudySummary:
    """A study on one line.

    Attributes:
        study: The study folder.
        state: State of its driver; `killed` where its process is gone and did not say why.
        detail: Why it failed, if it did.
        setups: Datasets times recipes.
        runs_finished: Runs with all epochs that they are asked for.
        runs_failed: Runs that failed for good, or are about to be tried again.
        runs_planned: Runs that the study is to have; None where a dataset is gone.
    """

    study: StudyFolder
    state: State | Literal["killed", "new"]
    detail: str
    setups: int
    runs_finished: int
    runs_failed: int
    runs_planned: int | None


def summarize_study(study: StudyFolder) -> StudySummary:
    """Read a study and its runs.

    Raises:
        StudyError: The folder holds no study, or its definition cannot be read.
    """
    definition = study.definition
    runs = study.runs()
    status = last_status(study.events())
    try:
        planned = sum(planned_runs(definition).values())
    except TemRfError:
        planned = None
    return StudySummary(
        study=study,
        state=state_after(status, study),
        detail=status.detail if status else "",
        setups=len(definition.setups()),
        runs_finished=sum(map(is_complete, runs)),
        runs_failed=sum(state(run) == "failed" for run in runs),
        runs_planned=planned,
    )


def planned_runs(definition: StudyDefinition) -> dict[str, int]:
    """How many runs each setup of a study is to have, by its name.

    Raises:
        DatasetError: A dataset is missing, incomplete or damaged.
        StudyError: No network of the space fits a dataset.
    """
    budget = definition.strategy.budget
    networks = {setup.name: len(setup_candidates(definition.space, setup)) for setup in definition.setups()}
    return {
        name: len(definition.seeds) * (count if budget is None else min(budget, count))
        for name, count in networks.items()
    }
