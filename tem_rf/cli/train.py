"""`tem-rf train`: train networks on a prepared dataset."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_remark
from tem_rf.cli.training_progress import ConsoleReport
from tem_rf.errors import RunError
from tem_rf.jobs.launch import SIGNAL_EXIT, Launched, train_here, train_in_background, train_one_after_the_other
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.jobs.train import TrainRequest, plan_runs
from tem_rf.runs import process
from tem_rf.runs.extension import extend
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.root import DEFAULT_ROOT, find_run
from tem_rf.runs.view import view_run

TensorBoardFlag = Annotated[
    bool, typer.Option("--tensorboard", help="Also log the epochs to RUN/tensorboard, from now on.")
]
EvaluateFlag = Annotated[
    bool, typer.Option("--evaluate", help="Score the test images after the last epoch; written to RUN/scores.csv.")
]


@takes(TrainRequest)
def train(
    request: TrainRequest,
    detach: Annotated[bool, typer.Option("--detach", help="Train in the background; see `tem-rf queue`.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train networks on a prepared dataset. Repeat a command to resume its runs, or to extend them with more --epochs.

    Ctrl-C stops after the current step. Several networks or seeds are trained one after the other. With --detach they
    are queued and train in the background, one per GPU, or one on the CPU.

    Example: tem-rf train datasets/au-5nm --network n2-p44 --seed 752,2245,140 --epochs 100
    """
    folders = [planned.run for planned in plan_runs(request)]
    results = (_train_in_background if detach else _train_in_foreground)(folders, request.evaluate)
    if as_json:
        print_json(results if len(results) > 1 else results[0])


def resume(
    run: Annotated[str, typer.Argument(help="Name or folder of the run.")],
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    epochs: Annotated[int | None, typer.Option(min=1, help="New total number of epochs, to extend the run.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Train in the background; see `tem-rf queue`.")] = False,
    tensorboard: TensorBoardFlag = False,
    evaluate: EvaluateFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Resume a run that was stopped or killed, from its latest checkpoint; --epochs extends it.

    A run that is training in the background is extended without interruption.

    Example: tem-rf resume au-5nm-n2-p44-paper-s752 --epochs 150
    """
    folder = find_run(run, runs)
    if tensorboard:
        folder.tensorboard_folder.mkdir(exist_ok=True)
    if epochs is not None:
        extend(folder, epochs)
    if epochs is not None and process.is_alive(folder):
        print_remark(f"{folder.path}: extended to {epochs} epochs")
        result = view_run(folder).to_json()
    else:
        (result,) = (_train_in_background if detach else _train_in_foreground)([folder], evaluate)
    if as_json:
        print_json(result)


def _train_in_foreground(runs: Sequence[RunFolder], evaluate: bool) -> list[dict[str, Any]]:
    """Train with progress on stderr; exit with 128 + signal number if a signal ended the training."""
    report = ConsoleReport()
    if len(runs) > 1:
        code = train_one_after_the_other(runs, evaluate=evaluate, report=report)
    else:
        (run,) = runs
        signal_number = train_here(run, evaluate=evaluate, report=report)
        if view_run(run).state == "stopped":
            print_remark(f"Resume with: tem-rf resume {shlex.quote(str(run.path))}")
        code = SIGNAL_EXIT + signal_number if signal_number else 0
    if code:
        raise typer.Exit(code)
    return [view_run(run).to_json() for run in runs]


def _train_in_background(runs: Sequence[RunFolder], evaluate: bool) -> list[dict[str, Any]]:
    """Add the runs to the queue of their folder, and print the state of each."""
    launched = train_in_background(runs, evaluate=evaluate)
    if len(launched) == 1 and launched[0].state == "training":
        raise RunError(f"{runs[0].path}: is already training; watch it with `{runs[0].watch_command}`.")
    for one in launched:
        print_remark(f"{one.run.path}: {_in_words(one)}")
    for queue in {TrainingQueue.of(run.path.parent) for run in runs}:
        if queue.view().state == "stopped":
            print_remark(f"{queue.root}: the queue is stopped; resume it with `{queue.resume_command}`")
    return [
        {"run": str(one.run.path), "state": one.state} | ({"position": one.position} if one.position else {})
        for one in launched
    ]


def _in_words(launched: Launched) -> str:
    already = "" if launched.is_new else "already "
    if launched.state == "starting":
        return f"{already}starting; see `{launched.run.watch_command}`"
    if launched.state == "queued":
        queue = TrainingQueue.of(launched.run.path.parent)
        return f"{already}waiting in the queue, position {launched.position}; see `{queue.watch_command}`"
    return "already training" if launched.state == "training" else "already finished"
