"""`tem-rf runs`, `watch`, `stop`, `pause`: look after trainings from outside."""

import shlex
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table, progress_console
from tem_rf.cli.train import run_result
from tem_rf.errors import TemRfError
from tem_rf.runs import process
from tem_rf.runs.events import follow_events
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.root import DEFAULT_ROOT, find_run, list_runs
from tem_rf.runs.summary import summarize_run

RunArgument = Annotated[str, typer.Argument(help="Name or folder of the run.")]
RunsOption = Annotated[Path, typer.Option(help="Folder of the runs.")]

WATCH_INTERVAL_S = 0.5


def runs(
    root: Annotated[Path, typer.Argument(help="Folder of the runs.")] = DEFAULT_ROOT, as_json: JsonFlag = False
) -> None:
    """List the runs with their states and best scores.

    Example: tem-rf runs
    """
    folders = list_runs(root)
    if as_json:
        print_json([_result(run) for run in folders])
        return
    rows = [_row(run) for run in folders]
    print_table(
        f"Runs in {root}: {len(rows)}",
        ["run", "state", "epochs", "best validation hard dice", "patches/s", "left"],
        rows,
    )


def watch(run: RunArgument, runs: RunsOption = DEFAULT_ROOT) -> None:
    """Follow a run until it ends; Ctrl-C leaves the run alone.

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
    summary = summarize_run(folder)
    detail = f": {summary.detail}" if summary.detail else ""
    print_remark(f"{folder.path}: {summary.state}{detail}")
    if summary.state in ("failed", "killed"):
        print_remark(f"Go on with: tem-rf resume {shlex.quote(str(folder.path))}")
        raise typer.Exit(1)


def stop(run: RunArgument, runs: RunsOption = DEFAULT_ROOT) -> None:
    """Ask a run to end after the step in hand; `tem-rf resume` goes on with it.

    Example: tem-rf stop au-5nm-n2-p44-paper-s752
    """
    folder = find_run(run, runs)
    process.ask(folder, "stop")
    print_remark(f"{folder.path}: asked to stop")


def pause(
    run: RunArgument,
    runs: RunsOption = DEFAULT_ROOT,
    off: Annotated[bool, typer.Option("--off", help="Let a paused run go on.")] = False,
) -> None:
    """Ask a run to pause after the step in hand, keeping its process; --off lets it go on.

    Example: tem-rf pause au-5nm-n2-p44-paper-s752
    """
    folder = find_run(run, runs)
    if off:
        process.withdraw(folder)
    else:
        process.ask(folder, "pause")
    print_remark(f"{folder.path}: asked to {'go on' if off else 'pause'}")


def _result(run: RunFolder) -> dict[str, Any]:
    try:
        return run_result(run)
    except TemRfError as error:
        return {"run": str(run.path), "state": "unreadable", "detail": str(error)}


def _row(run: RunFolder) -> list[str]:
    try:
        summary = summarize_run(run)
    except TemRfError as error:
        return [run.name, f"unreadable: {error}", "", "", "", ""]
    best = f"{summary.best.validation_hard_dice:.3f} (epoch {summary.best.epoch})" if summary.best else ""
    speed = f"{summary.patches_per_s:.1f}" if summary.patches_per_s else ""
    left = f"{summary.seconds_left / 60:.0f} min" if summary.seconds_left else ""
    return [run.name, summary.state, f"{summary.epochs_done}/{summary.epochs}", best, speed, left]
