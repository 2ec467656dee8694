"""`tem-rf watch`, `stop`, `pause`: monitor and control running trainings."""

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import print_remark, progress_console
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.runs import process
from tem_rf.runs.events import follow_events
from tem_rf.runs.root import DEFAULT_ROOT, find_run
from tem_rf.runs.view import view_run

RunArgument = Annotated[str, typer.Argument(help="Name or folder of the run.")]
RunsOption = Annotated[Path, typer.Option(help="Folder of the runs.")]

WATCH_INTERVAL_S = 0.5


def watch(run: RunArgument, runs: RunsOption = DEFAULT_ROOT) -> None:
    """Follow a run until it ends; Ctrl-C stops watching, not the run.

    Example: tem-rf watch au-5nm-n2-p44-paper-s752
    """
    from tem_rf.cli.training_progress import TrainingProgress

    folder = find_run(run, runs)
    position = 0
    with TrainingProgress(progress_console(), folder.name, folder.config.training.epochs) as progress:
        while True:
            has_ended = process.state(folder) in ("finished", "failed", "stopped", "killed", "new")
            events, position = follow_events(folder.events_file, position)
            for event in events:
                progress.show(event)
            if has_ended:
                break
            time.sleep(WATCH_INTERVAL_S)
    view = view_run(folder)
    detail = f": {view.detail}" if view.detail else ""
    print_remark(f"{folder.path}: {view.state}{detail}")
    if view.state in ("failed", "killed"):
        print_remark(f"Resume with: tem-rf resume {shlex.quote(str(folder.path))}")
        raise typer.Exit(1)


def stop(run: RunArgument, runs: RunsOption = DEFAULT_ROOT) -> None:
    """Stop a run after its current step; resume it with `tem-rf resume`. A waiting run is removed from the queue.

    Example: tem-rf stop au-5nm-n2-p44-paper-s752
    """
    folder = find_run(run, runs)
    queue = TrainingQueue.of(folder.path.parent)
    if queue.holds(folder) and not process.is_alive(folder):
        queue.remove(folder.name)
        print_remark(f"{folder.path}: removed from the queue")
        return
    process.ask(folder, "stop")
    print_remark(f"{folder.path}: asked to stop")


def pause(
    run: RunArgument,
    runs: RunsOption = DEFAULT_ROOT,
    off: Annotated[bool, typer.Option("--off", help="Resume a paused run.")] = False,
) -> None:
    """Pause a run after its current step; its process keeps running. Resume it with --off.

    Example: tem-rf pause au-5nm-n2-p44-paper-s752
    """
    folder = find_run(run, runs)
    if off:
        process.clear_request(folder)
    else:
        process.ask(folder, "pause")
    print_remark(f"{folder.path}: asked to {'resume' if off else 'pause'}")
