"""Where the workers of a job come from: this machine, a running Dask scheduler, or SLURM."""

from typing import Any

from pydantic import ValidationError

from tem_rf.config.training import settings_error
from tem_rf.study.definition.sections import Execution

WORKERS = ("workers", *Execution.PLACES)
"""Settings of `Execution` that say where workers come from."""


def execution_settings(**changes: Any) -> Execution:
    """The default settings, with changes.

    Raises:
        SettingsError: Unknown setting, a value out of range, or two places at once.
    """
    try:
        return Execution(**changes)
    except ValidationError as error:
        raise settings_error(error, Execution) from error
