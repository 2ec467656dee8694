"""`tem-rf mlflow`: mirror runs and studies to MLflow."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import print_remark
from tem_rf.errors import StorageError
from tem_rf.runs.root import DEFAULT_ROOT

POLL_S = 2.0
RETRY_S = 30.0
LOW_PRIORITY = 10  # of the process, so that trainings come first


def mlflow(
    names: Annotated[list[str] | None, typer.Argument(help="Runs and studies; default: all runs.")] = None,
    to: Annotated[
        str, typer.Option(help="Folder, or address of an MLflow server such as http://localhost:5000.")
    ] = "mlruns",
    follow: Annotated[
        bool, typer.Option("--follow", help="Continue until they have ended; Ctrl-C stops mirroring only.")
    ] = False,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    studies: Annotated[Path, typer.Option(help="Folder of the studies.")] = Path("studies"),
) -> None:
    """Mirror runs and studies to MLflow, during or after training: settings, scores of every epoch, and states.

    It only reads the files of the runs, in a process of its own of low priority, so no training depends on it. Repeat
    the command to send what is new. To look at a folder: MLFLOW_ALLOW_FILE_STORE=true mlflow ui

    Example: tem-rf mlflow field --to http://localhost:5000 --follow
    """
    from tem_rf.jobs.mlflow_mirror import Followed, MlflowMirror
    from tem_rf.runs.root import find_run, list_runs
    from tem_rf.study.folder import StudyFolder

    if hasattr(os, "nice"):
        os.nice(LOW_PRIORITY)
    paths = [next((path for path in (studies / name, Path(name)) if _is_study(path)), None) for name in names or []]
    found = [StudyFolder(path) for path in paths if path]
    single = [find_run(name, runs) for name, path in zip(names or [], paths, strict=True) if not path]
    followed = Followed(single if names else list_runs(runs), found)
    mirror = MlflowMirror(to)
    sent, reached, problem = 0, set(), ""
    while True:
        is_live = follow and followed.is_live()  # before the last look
        try:
            for view, experiment in followed.poll():
                sent += mirror.send(view, experiment)
                reached.add(view.run.path)
        except StorageError as error:
            if not follow:
                raise
            if str(error) != problem:  # once, not every 30 s of a night
                print_remark(f"{error} Trying again every {RETRY_S:g} s.")
            problem = str(error)
            time.sleep(RETRY_S)
            continue
        problem = ""
        if not is_live:
            break
        time.sleep(POLL_S)
    print_remark(f"{to}: {sent} epochs of {len(reached)} runs sent")


def _is_study(path: Path) -> bool:
    return (path / "study.toml").is_file()
