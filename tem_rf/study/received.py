"""What the file of a definition may say of its execution, since it may come from somebody else."""

from urllib.parse import urlsplit

from tem_rf.errors import StudyError
from tem_rf.study.sections import Execution

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
        lines = [str(line) for line in value] if isinstance(value, list) else [str(value)]
        if option not in SLURM_OPTIONS or not all(line.isprintable() for line in lines):
            raise StudyError(
                f"{where}: execution.slurm: {option} may run commands, which the file of a study may not; if it is "
                f"yours, say so: --slurm '{option}=...'."
            )
        if option == "job_extra_directives":
            _check_directives(lines, where)
    if execution.scheduler_file is not None:
        raise StudyError(
            f"{where}: execution.scheduler_file: a scheduler may run commands here; if you trust it, say so: "
            f"--scheduler-file {execution.scheduler_file}."
        )
    if execution.scheduler is not None and not is_known(execution.scheduler):
        raise StudyError(
            f"{where}: execution.scheduler: {execution.scheduler} may run commands here and is not known by "
            f"certificates (tls://); if you trust it, say so: --scheduler {execution.scheduler}."
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


def _check_directives(directives: list[str], where: str) -> None:
    for directive in directives:
        name = directive.removeprefix("--").partition("=")[0].split(" ")[0]
        if not directive.startswith("--") or name not in SLURM_DIRECTIVES:
            raise StudyError(
                f"{where}: execution.slurm: the directive {directive!r} is none of those that name resources "
                f"({', '.join(sorted(SLURM_DIRECTIVES))}); if it is yours, give it by --slurm."
            )
