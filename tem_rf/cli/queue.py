"""`tem-rf queue`: the queue of runs started with `--detach`."""

from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.option_names import OptionNamingGroup
from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table
from tem_rf.errors import SettingsError
from tem_rf.jobs.queue import QueueView, TrainingQueue
from tem_rf.runs.events import Event, NoticeEvent, StatusEvent
from tem_rf.runs.root import DEFAULT_ROOT
from tem_rf.runs.view import duration_text

RunsOption = Annotated[Path, typer.Option(help="Folder of the runs.")]
WaitingRun = Annotated[str, typer.Argument(help="Name of a waiting run.")]

queue = typer.Typer(
    cls=OptionNamingGroup,
    add_completion=False,
    help="Show and manage the runs that train in the background or wait for a device. Without a command, list them.",
    invoke_without_command=True,
)


@queue.callback()
def show(context: typer.Context, runs: RunsOption = DEFAULT_ROOT, as_json: JsonFlag = False) -> None:
    """List the runs that train in the background or wait: one trains per GPU, or one on the CPU.

    Example: tem-rf queue
    """
    if context.invoked_subcommand is None:
        _show(TrainingQueue.of(runs), as_json)
    elif as_json or runs != DEFAULT_ROOT:
        option = "--json" if as_json else f"--runs {runs}"
        raise SettingsError(
            f"{option}: put it after the command: `tem-rf queue {context.invoked_subcommand} {option}`."
        )


@queue.command()
def resume(
    runs: RunsOption = DEFAULT_ROOT,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Run the queue in this terminal until it is empty.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Resume a queue that was stopped or killed; runs already training are not affected.

    Example: tem-rf queue resume
    """
    of_runs = TrainingQueue.of(runs)
    if foreground:
        from tem_rf.jobs.queue_runner import run_queue

        of_runs.allow_starts()
        run_queue(of_runs, listener=_print_event)
    else:
        of_runs.resume()
        print_remark(f"{runs}: queue resumed; see `{of_runs.watch_command}`")
    if as_json:
        _show(of_runs, as_json)


@queue.command()
def stop(runs: RunsOption = DEFAULT_ROOT, as_json: JsonFlag = False) -> None:
    """Stop starting runs from the queue; runs already training are not affected.

    Example: tem-rf queue stop
    """
    of_runs = TrainingQueue.of(runs)
    of_runs.stop()
    print_remark(f"{runs}: queue stopped, no further runs will start; resume with `{of_runs.resume_command}`")
    if as_json:
        _show(of_runs, as_json)


@queue.command()
def remove(run: WaitingRun, runs: RunsOption = DEFAULT_ROOT, as_json: JsonFlag = False) -> None:
    """Remove a waiting run from the queue; its folder is kept.

    Example: tem-rf queue remove au-5nm-n2-p44-best-s752
    """
    of_runs = TrainingQueue.of(runs)
    of_runs.remove(run)
    print_remark(f"{run}: removed from the queue")
    if as_json:
        _show(of_runs, as_json)


@queue.command()
def move(
    run: WaitingRun,
    position: Annotated[int, typer.Argument(min=1, help="New position among the waiting runs, from 1.")],
    runs: RunsOption = DEFAULT_ROOT,
    as_json: JsonFlag = False,
) -> None:
    """Move a waiting run to another position in the queue.

    Example: tem-rf queue move au-5nm-n2-p44-best-s752 1
    """
    of_runs = TrainingQueue.of(runs)
    of_runs.move(run, position)
    _show(of_runs, as_json)


def _show(of_runs: TrainingQueue, as_json: bool) -> None:
    view = of_runs.view()
    if as_json:
        print_json(view.to_json())
        return
    print_table(
        f"Queue of {of_runs.root}: {view.state}, {len(view.training)} training, {len(view.waiting)} waiting",
        ["run", "state", "device", "epochs", "best dice", "left"],
        _rows(view),
    )
    if view.detail:
        print_remark(view.detail)
    if view.state in ("killed", "stopped", "failed", "idle") and (view.waiting or view.training):
        print_remark(f"Resume with: {of_runs.resume_command}")


def _rows(view: QueueView) -> list[list[str]]:
    rows = []
    for entry, run in view.training:
        best = f"{run.best.validation_hard_dice:.3f}" if run.best else ""
        left = duration_text(run.seconds_left) if run.seconds_left is not None else ""
        epochs = f"{len(run.epochs)}/{run.total_epochs}"
        rows.append([entry.run, run.state, ", ".join(entry.devices), epochs, best, left])
    for position, (entry, run) in enumerate(view.waiting, start=1):
        state = "folder is gone" if run.state == "unreadable" else f"waiting, position {position}"
        rows.append([entry.run, state, "", f"{len(run.epochs)}/{run.total_epochs}", "", ""])
    return rows


def _print_event(event: Event) -> None:
    match event:
        case NoticeEvent(message=message):
            print_remark(message)
        case StatusEvent(state=state, detail=detail):
            print_remark(f"queue: {state}{f': {detail}' if detail else ''}")
