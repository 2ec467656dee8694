"""What the file of a definition may say of its execution, since it may come from somebody else."""

import re
from typing import Any
from urllib.parse import urlsplit

from tem_rf.errors import StudyError
from tem_rf.study.definition.sections import Execution

# Options of dask_jobqueue.SLURMCluster that name resources; others name commands, programs and files.
SLURM_OPTIONS = (
    *("account", "cores", "interface", "job_cpu", "job_extra_directives"),
    *("job_mem", "job_name", "memory", "processes", "queue"),
    "walltime",
)
# Directives of sbatch that name resources; others name files that are written, and programs.
SLURM_DIRECTIVES = (
    *("account", "constraint", "cpus-per-gpu", "cpus-per-task", "exclude"),
    *("exclusive", "gpus", "gpus-per-node", "gres", "licenses"),
    *("mem", "mem-per-cpu", "mem-per-gpu", "nodelist", "partition"),
    *("qos", "reservation", "time"),
)
# sbatch reads all directives as one command line, and a shell reads that of the worker: a value is one word, never an
# option, and has no character that either of them expands.
_WORD = r"[A-Za-z0-9_.:,=+/@%\[\]-]+"
_VALUE = re.compile(rf"(?!-){_WORD}")
_DIRECTIVE = re.compile(rf"--([a-z-]+)(?:={_WORD})?")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]+")
_NAMES = ("interface", "job_name")  # the output of a job lies in a file called after it
_OWN_MACHINE = ("127.0.0.1", "localhost", "::1")


def check_execution(execution: Execution, where: str) -> None:
    """Refuse what would have somebody else's commands run: the user says that on the command line.

    Args:
        execution: As the file has it.
        where: What errors begin with.

    Raises:
        StudyError: It names commands, or a scheduler that is neither on this machine nor proves who it is.
    """
    for option, value in (execution.slurm or {}).items():
        if option == "job_extra_directives" and isinstance(value, list):
            _check_directives(value, where)
        elif option not in SLURM_OPTIONS or not _is_plain(option, value):
            raise StudyError(
                f"{where}: execution.slurm: {option} = {value!r} may run commands or write files, which the file of a "
                f"study may not; if it is yours, say so: `slurm` '{option}=...'."
            )
    if execution.scheduler_file is not None:
        raise StudyError(
            f"{where}: execution.scheduler_file: a scheduler may run commands here; if you trust it, say so: "
            f"`scheduler_file` {execution.scheduler_file}."
        )
    if execution.scheduler is not None and not is_known(execution.scheduler):
        raise StudyError(
            f"{where}: execution.scheduler: {execution.scheduler} may run commands here and is not known by "
            f"certificates (tls://); if you trust it, say so: `scheduler` {execution.scheduler}."
        )


def is_known(address: str) -> bool:
    """Whether a scheduler proves who it is by certificates, or is on this machine.

    >>> [is_known(address) for address in ("tls://node7:8786", "127.0.0.1:8786", "tcp://node7:8786", "node7:8786")]
    [True, True, False, False]
    """
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
    except ValueError:  # no address at all
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
                f"{where}: execution.slurm: the directive {directive!r} is none of those that name resources, as "
                f"--gres=gpu:1 ({', '.join(sorted(SLURM_DIRECTIVES))}); if it is yours, give it with `slurm`."
            )
