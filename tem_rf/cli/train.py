"""`tem-rf train`: train networks on a prepared dataset."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_remark, progress_console, show_status
from tem_rf.errors import RunError
from tem_rf.jobs.train import TrainRequest, plan_runs
from tem_rf.models.backend import import_keras
from tem_rf.runs import process
from tem_rf.runs.extension import extend, is_complete
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.root import DEFAULT_ROOT, find_run
from tem_rf.runs.summary import summarize_run

TensorBoardFlag = Annotated[
    bool, typer.Option("--tensorboard", help="Write the epochs to RUN/tensorboard too, from now on.")
]
EvaluateFlag = Annotated[
    bool, typer.Option("--evaluate", help="Score the test images after the last epoch, into RUN/scores.csv.")
]

SIGNAL_EXIT = 128  # a shell's convention: 128 + number of the signal


@takes(TrainRequest)
def train(
    request: TrainRequest,
    detach: Annotated[bool, typer.Option("--detach", help="Train in the background; see `tem-rf watch`.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train networks on a prepared dataset, or resume where the same command stopped; more --epochs extend the run.

    Ctrl-C stops after the current step. Several networks or seeds are trained one after the other.

    Example: tem-rf train datasets/au-5nm --network n2-p44 --seed 752,2245,140 --epochs 100
    """
    folders, evaluate = [planned.run for planned in plan_runs(request)], request.evaluate
    if detach:
        results = [_start_detached(run, evaluate) for run in folders]
    elif len(folders) == 1:
        results = [train_here(folders[0], evaluate=evaluate)]
    else:
        results = [_train_in_own_process(run, evaluate) for run in folders]
    if as_json:
        print_json(results if len(results) > 1 else results[0])


def resume(
    run: Annotated[str, typer.Argument(help="Name or folder of the run.")],
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs in all, more than before.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Train in the background; see `tem-rf watch`.")] = False,
    tensorboard: TensorBoardFlag = False,
    evaluate: EvaluateFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Go on with a run that stopped or was killed, from its newest checkpoint; with --epochs, extend it.

    A run that trains in the background is extended while it runs.

    Example: tem-rf resume au-5nm-n2-p44-paper-s752 --epochs 150
    """
    folder = find_run(run, runs)
    if tensorboard:
        folder.tensorboard_folder.mkdir(exist_ok=True)
    if epochs is not None:
        extend(folder, epochs)
    if epochs is not None and process.is_alive(folder):
        print_remark(f"{folder.path}: goes on to epoch {epochs}")
        result = run_result(folder)
    else:
        result = _start_detached(folder, evaluate) if detach else train_here(folder, evaluate=evaluate)
    if as_json:
        print_json(result)


def train_here(run: RunFolder, *, evaluate: bool = False) -> dict[str, Any]:
    """Train a run in this process, with progress on stderr; exits with 128 + signal where one ended it.

    Args:
        run: The run.
        evaluate: Score its test images once it is finished, if they are not scored yet.
    """
    from tem_rf.cli.training_progress import TrainingProgress

    needs_scores = evaluate and not (is_complete(run) and run.is_scored)
    if needs_scores:
        _check_test_images(run)
    if is_complete(run):
        print_remark(f"{run.path}: is finished already.")
    else:
        print_remark(f"{run.path}: starting")
        import_keras()
        from tem_rf.training.train import train as train_run

        with TrainingProgress(progress_console(), run.name, run.config.training.epochs) as progress:
            outcome = train_run(run, listener=progress.show)
        if outcome.state == "stopped":
            print_remark(f"Go on with: tem-rf resume {shlex.quote(str(run.path))}")
            if outcome.signal_number:
                raise typer.Exit(SIGNAL_EXIT + outcome.signal_number)
            return run_result(run)
    if needs_scores:
        _score_test_images(run)
    return run_result(run)


def run_result(run: RunFolder) -> dict[str, Any]:
    """What a run came to, as JSON types."""
    summary = summarize_run(run)
    return {
        "run": str(run.path),
        "state": summary.state,
        "epochs_done": summary.epochs_done,
        "epochs": summary.epochs,
        "best_epoch": summary.best.epoch if summary.best else None,
        "best_validation_hard_dice": summary.best.validation_hard_dice if summary.best else None,
    }


def _check_test_images(run: RunFolder) -> None:
    """Say before the training that the dataset has no test images, rather than after it."""
    from tem_rf.runs.dataset import open_training_data

    with process.failing_in_events(run):
        open_training_data(run.config).indices("test")


def _score_test_images(run: RunFolder) -> None:
    import_keras()
    from tem_rf.evaluation.evaluate import evaluate_run
    from tem_rf.runs.dataset import open_training_data

    with process.claim(run), show_status(f"{run.name}: segmenting the test images"):
        scores = evaluate_run(run, open_training_data(run.config))
    print_remark(f"{run.scores_file}: scores of {len(scores)} test images")


def _train_in_own_process(run: RunFolder, evaluate: bool) -> dict[str, Any]:
    """A fresh process each: nothing of one training can reach the next."""
    command = [sys.executable, "-m", "tem_rf", "resume", str(run.path), *_options(evaluate)]
    try:
        code = subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:  # the training got it too, and is ending
        raise typer.Exit(SIGNAL_EXIT + 2) from None
    if code:
        raise typer.Exit(code)
    return run_result(run)


def _start_detached(run: RunFolder, evaluate: bool) -> dict[str, Any]:
    watching = f"tem-rf watch {shlex.quote(str(run.path))}"
    if process.is_alive(run):
        raise RunError(f"{run.path}: is being trained already; watch it with `{watching}`.")
    process.queue(run)
    pid = process.start_detached(run, *_options(evaluate))
    print_remark(f"{run.path}: started as process {pid}; see `{watching}`")
    return {"run": str(run.path), "state": "queued", "pid": pid}


def _options(evaluate: bool) -> tuple[str, ...]:
    return ("--evaluate",) if evaluate else ()
