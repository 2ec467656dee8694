"""Choose the workers of a job: this machine, a running Dask scheduler, or SLURM."""

from typing import Annotated, Any

from pydantic import ValidationError

from tem_rf.config.marks import Group
from tem_rf.config.training import settings_error
from tem_rf.jobs.request import Request
from tem_rf.study.definition.sections import Execution

WORKERS = ("workers", *Execution.PLACES)
"""Settings of `Execution` that choose the workers."""


def execution_settings(**changes: Any) -> Execution:
    """Return the default settings with changes.

    Raises:
        SettingsError: A setting is unknown or out of range, or more than one kind of workers is given.
    """
    try:
        return Execution(**changes)
    except ValidationError as error:
        raise settings_error(error, Execution) from error


class WorkersRequest(Request):
    """The workers of a study that is run."""

    command = ("study", "run")

    execution: Annotated[Execution, Group(execution_settings, only=WORKERS, basic=WORKERS)]

    def execution_changes(self) -> dict[str, Any]:
        """Settings of `Execution` that were given; a scheduler file does not depend on the current folder."""
        changes = self.execution.model_dump(include=set(WORKERS), exclude_none=True)
        if self.execution.scheduler_file is not None:
            changes["scheduler_file"] = self.execution.scheduler_file.resolve()
        return changes
