"""`tem-rf study watch`, `stop`, `cancel`: monitor and control a running study."""

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import print_remark, progress_console
from tem_rf.cli.runs import WATCH_INTERVAL_S
from tem_rf.cli.study.table import StudiesOption
from tem_rf.runs import process
from tem_rf.study.folder import DEFAULT_ROOT

StudyName = Annotated[str, typer.Argument(help="Name or folder of the study.")]


def watch(study: StudyName, studies: StudiesOption = DEFAULT_ROOT) -> None:
    """Follow a study until it ends; Ctrl-C stops watching, not the study.

    Example: tem-rf study watch fig2
    """
    from tem_rf.cli.study.progress import StudyProgress
    from tem_rf.runs.events import last_status
    from tem_rf.study.events import follow_study_events
    from tem_rf.study.folder import find_study
    from tem_rf.study.view import view_study

    folder = find_study(study, studies)
    before, position = follow_study_events(folder.events_file, 0)
    status = last_status(list(before))
    with StudyProgress(progress_console(), folder) as progress:
        while True:
            has_ended = process.state_after(status, folder) not in ("queued", "starting", "running")
            happened, position = follow_study_events(folder.events_file, position)
            events = list(happened)
            status = last_status(events) or status
            for event in events:
                progress.show(event)
            if has_ended:
                break
            time.sleep(WATCH_INTERVAL_S)
    view = view_study(folder)
    detail = f": {view.detail}" if view.detail else ""
    planned = "?" if view.runs_planned is None else view.runs_planned
    print_remark(f"{folder.path}: {view.state}{detail}; {view.runs_finished} of {planned} trainings finished")
    if view.state in ("failed", "killed"):
        print_remark(f"Resume with: tem-rf study run {shlex.quote(str(folder.path))}")
        raise typer.Exit(1)


def stop(study: StudyName, studies: StudiesOption = DEFAULT_ROOT) -> None:
    """Stop a study after the current step of each training; resume it with `tem-rf study run`.

    Example: tem-rf study stop fig2
    """
    _ask(study, studies, "stop")


def cancel(study: StudyName, studies: StudiesOption = DEFAULT_ROOT) -> None:
    """Kill a study and its trainings at once; `tem-rf study run` resumes them from their latest checkpoints.

    Example: tem-rf study cancel fig2
    """
    _ask(study, studies, "cancel")


def _ask(study: str, studies: Path, request: process.Request) -> None:
    from tem_rf.study.folder import find_study

    folder = find_study(study, studies)
    process.ask(folder, request)
    print_remark(f"{folder.path}: asked to {request}")
