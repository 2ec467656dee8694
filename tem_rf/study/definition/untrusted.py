"""Restrict the execution settings of definition files, which may come from an untrusted source."""

import re
from typing import Any
from urllib.parse import urlsplit

from tem_rf.errors import StudyError
from tem_rf.study.definition.sections import Execution

# Options of dask_jobqueue.SLURMCluster that specify resources; others specify commands, programs and files.
SLURM_OPTIONS = (
    *("account", "cores", "interface", "job_cpu", "job_extra_directives"),
    *("job_mem", "job_name", "memory", "processes", "queue"),
    "walltime",
)
# Directives of sbatch that specify resources; others specify output files and programs.
SLURM_DIRECTIVES = (
    *("account", "constraint", "cpus-per-gpu", "cpus-per-task", "exclude"),
    *("exclusive", "gpus", "gpus-per-node", "gres", "licenses"),
    *("mem", "mem-per-cpu", "mem-per-gpu", "nodelist", "partition"),
    *("qos", "reservation", "time"),
)
# sbatch parses all directives as one command line, and a shell parses that of the worker: a value must be one word, not
# an option, without characters that either of them expands.
_WORD = r"[A-Za-z0-9_.:,=+/@%\[\]-]+"
_VALUE = re.compile(rf"(?!-){_WORD}")
_DIRECTIVE = re.compile(rf"--([a-z-]+)(?:={_WORD})?")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]+")
_NAMES = ("interface", "job_name")  # the output file of a job is named after it
_OWN_MACHINE = ("127.0.0.1", "localhost", "::1")


def check_execution(execution: Execution, where: str) -> None:
    """Refuse settings that could run commands chosen by the author of the file; users give them on the command line.

    Args:
        execution: Settings read from the file.
        where: Beginning of error messages.

    Raises:
        StudyError: It contains commands, or a scheduler that is neither on this machine nor authenticated.
    """
    for option, value in (execution.slurm or {}).items():
        if option == "job_extra_directives" and isinstance(value, list):
            _check_directives(value, where)
        elif option not in SLURM_OPTIONS or not _is_plain(option, value):
            raise StudyError(
                f"{where}: execution.slurm: {option} = {value!r} could run commands or write files, which is not "
                f"allowed in a study file; if you trust it, give it as `slurm` '{option}=...'."
            )
    if execution.scheduler_file is not None:
        raise StudyError(
            f"{where}: execution.scheduler_file: a scheduler can run commands on this machine; if you trust it, give "
            f"it as `scheduler_file` {execution.scheduler_file}."
        )
    if execution.scheduler is not None and not is_known(execution.scheduler):
        raise StudyError(
            f"{where}: execution.scheduler: {execution.scheduler} can run commands on this machine and is not "
            f"authenticated by certificates (tls://); if you trust it, give it as `scheduler` {execution.scheduler}."
        )


def is_known(address: str) -> bool:
    """Whether a scheduler is authenticated by certificates, or is on this machine.

    >>> [is_known(address) for address in ("tls://node7:8786", "127.0.0.1:8786", "tcp://node7:8786", "node7:8786")]
    [True, True, False, False]
    """
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
    except ValueError:  # not an address
        return False
    return parts.scheme == "tls" or parts.hostname in _OWN_MACHINE


def _is_plain(option: str, value: Any) -> bool:
    pattern = _NAME if option in _NAMES else _VALUE
    return not isinstance(value, list) and pattern.fullmatch(str(value)) is not None


def _check_directives(directives: list[str], where: str) -> None:
    for directive in directives:
        found = _DIRECTIVE.fullmatch(directive)
        if found is None or found[1] not in SLURM_DIRECTIVES:
            raise StudyError(
                f"{where}: execution.slurm: expected directives that specify resources, such as --gres=gpu:1 "
                f"({', '.join(sorted(SLURM_DIRECTIVES))}), received {directive!r}; if you trust it, give it with "
                "`slurm`."
            )
