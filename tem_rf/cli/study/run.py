"""`tem-rf study run`: run or resume a study."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_remark, progress_console
from tem_rf.cli.study.listing import study_result
from tem_rf.cli.study.table import StudiesOption
from tem_rf.errors import RunError, SettingsError
from tem_rf.jobs.launch import SIGNAL_EXIT
from tem_rf.jobs.workers import WorkersRequest
from tem_rf.runs import process
from tem_rf.study.folder import DEFAULT_ROOT

if TYPE_CHECKING:
    from tem_rf.study.folder import StudyFolder


@takes(WorkersRequest)
def run(
    request: WorkersRequest,
    study: Annotated[str, typer.Argument(help="Definition (TOML file), or name or folder of a study to resume.")],
    name: Annotated[str | None, typer.Option(help="Name of the study; default: the name of the file.")] = None,
    extend: Annotated[
        bool,
        typer.Option(
            "--extend", help="Add the seeds, networks, datasets, epochs or budget that are new in the definition."
        ),
    ] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Retry failed trials.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background; see `tem-rf study watch`.")] = False,
    as_json: JsonFlag = False,
    studies: StudiesOption = DEFAULT_ROOT,
) -> None:
    """Run a study on all workers; after an interruption, repeat the command to resume it.

    Ctrl-C stops the trainings after their current step. The study remembers where it is executed.

    Example: tem-rf study run fig2.toml --workers 2

    Example: tem-rf study run fig2 --detach
    """
    folder = _open(study, name, studies, extend, request.execution_changes())
    if detach:
        _start_detached(folder, retry_failed)
    else:
        _run_here(folder, retry_failed)
    if as_json:
        print_json(study_result(folder))


def _open(study: str, name: str | None, studies: Path, extend: bool, execution: dict[str, Any]) -> "StudyFolder":
    """Return the study folder of a definition file or of a name, with the execution options applied."""
    from tem_rf.study.definition.definition import read_definition
    from tem_rf.study.definition.sections import Execution
    from tem_rf.study.definition.space import planned_runs
    from tem_rf.study.definition.untrusted import check_execution
    from tem_rf.study.folder import StudyFolder, find_study

    file = Path(study)
    is_of_a_study = StudyFolder(file.parent).definition_file == file
    if file.suffix == ".toml" and not is_of_a_study:
        path, definition = studies / (name or file.stem), read_definition(file)
    elif name is not None or extend:
        raise SettingsError(
            f"{'--extend' if extend else '--name'}: expected a separate definition file, received the existing study "
            f"{study}; edit a copy of its study.toml and give that."
        )
    else:
        found = StudyFolder.open(file.parent) if is_of_a_study else find_study(study, studies)
        path, definition = found.path, found.definition
    if file.suffix == ".toml" and not execution.keys() & set(Execution.PLACES):
        check_execution(definition.execution, str(file))
    with process.failure_in_events(StudyFolder(path)):
        planned = planned_runs(definition)  # validate before creating a folder
    for setup, runs in planned.items():
        print_remark(f"{setup}: {runs} trainings")
    return StudyFolder.create_or_open(path, definition.executed(**execution), extend=extend)


def _run_here(folder: "StudyFolder", retry_failed: bool) -> None:
    from tem_rf.cli.study.progress import StudyProgress
    from tem_rf.jobs.study import start_pool
    from tem_rf.study.driver import run_study

    print_remark(f"{folder.path}: starting")
    with StudyProgress(progress_console(), folder) as progress:
        outcome = run_study(folder, start_pool, listener=progress.show, retry_failed=retry_failed)
    print_remark(f"See the results with: tem-rf study table {shlex.quote(str(folder.path))}")
    if outcome.state == "stopped":
        print_remark(f"Resume with: tem-rf study run {shlex.quote(str(folder.path))}")
        if outcome.signal_number:
            raise typer.Exit(SIGNAL_EXIT + outcome.signal_number)


def _start_detached(folder: "StudyFolder", retry_failed: bool) -> None:
    watching = folder.watch_command
    if process.is_alive(folder):
        raise RunError(f"{folder.path}: is already running; watch it with `{watching}`.")
    process.mark_queued(folder)
    pid = process.start_detached(folder, *(["--retry-failed"] if retry_failed else []))
    print_remark(f"{folder.path}: started as process {pid}; see `{watching}`")
