"""Options that choose the workers, shared by the commands that use them."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from tem_rf.errors import SettingsError

SchedulerOption = Annotated[str | None, typer.Option(help="Address of a running Dask scheduler.")]
SchedulerFileOption = Annotated[Path | None, typer.Option(help="Scheduler file of a running Dask scheduler.")]
SlurmOption = Annotated[
    list[str] | None,
    typer.Option(help="Run the workers as SLURM jobs with this job option, such as queue=gpu; may be repeated."),
]


def execution_options(
    workers: int | None, scheduler: str | None, scheduler_file: Path | None, slurm: list[str] | None
) -> dict[str, Any]:
    """Return the fields of `Execution` that were given."""
    options = {
        "workers": workers,
        "scheduler": scheduler,
        "scheduler_file": scheduler_file and scheduler_file.resolve(),
        "slurm": slurm and dict(map(_slurm_option, slurm)),
    }
    return {option: value for option, value in options.items() if value is not None}


def _slurm_option(text: str) -> tuple[str, Any]:
    """Read `cores=4` as a number, `queue=gpu` as text."""
    option, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"--slurm: expected an option and its value, such as queue=gpu, received {text!r}.")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return option, value
    return option, parsed if isinstance(parsed, int | float | list) else value  # 04:00:00 stays text
