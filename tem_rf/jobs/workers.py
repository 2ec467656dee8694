"""Choose the workers of a job: this machine, a running Dask scheduler, or SLURM."""

from typing import Any

from pydantic import ValidationError

from tem_rf.config.training import settings_error
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
