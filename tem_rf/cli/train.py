"""`tem-rf train`: train networks on a prepared dataset."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tem_rf.architecture import Architecture
from tem_rf.cli.output import JsonFlag, print_json, print_remark
from tem_rf.cli.training_progress import ConsoleReport
from tem_rf.config.augmentation import augmentation_settings
from tem_rf.config.training import DEFAULT_RECIPE, RECIPES, STUDY_SEEDS, training_settings
from tem_rf.errors import RunError, SettingsError
from tem_rf.jobs.launch import SIGNAL_EXIT, Launched, train_here, train_in_background, train_one_after_the_other
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.runs import process
from tem_rf.runs.extension import extend, open_or_extend
from tem_rf.runs.folder import RunFolder, default_name
from tem_rf.runs.root import DEFAULT_ROOT, find_run
from tem_rf.runs.view import view_run

TensorBoardFlag = Annotated[
    bool, typer.Option("--tensorboard", help="Write the epochs to RUN/tensorboard too, from now on.")
]
EvaluateFlag = Annotated[
    bool, typer.Option("--evaluate", help="Score the test images after the last epoch, into RUN/scores.csv.")
]


def train(
    dataset: Annotated[Path, typer.Argument(help="Prepared dataset folder.")],
    network: Annotated[str, typer.Option(help="Network, or several with commas between: n2-p22,n2-p44.")] = "n2-p44",
    seed: Annotated[
        str, typer.Option(help=f"Seed, or several with commas between; the study's: {','.join(map(str, STUDY_SEEDS))}.")
    ] = str(STUDY_SEEDS[0]),
    recipe: Annotated[str, typer.Option(help=f"Recipe: {', '.join(RECIPES)}.")] = DEFAULT_RECIPE,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training patches.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Patches per step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Step size of Adam.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Learning rate over the steps: constant, or cosine, which falls to 0.")
    ] = None,
    loss: Annotated[str | None, typer.Option(help="cross_entropy, cross_entropy_dice or focal.")] = None,
    weight_averaging: Annotated[
        float | None, typer.Option(help="Keep the average of the weights, with this momentum per step, such as 0.99.")
    ] = None,
    patience: Annotated[int | None, typer.Option(help="Epochs without progress that end the training early.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or mixed_bfloat16.")] = None,
    blur_px: Annotated[float | None, typer.Option(help="Augment: greatest blur in px.")] = None,
    dose_fraction: Annotated[float | None, typer.Option(help="Augment: least part of the dose, by its noise.")] = None,
    counts_per_electron: Annotated[
        float | None, typer.Option(help="Gain of the detector, for --dose-fraction.")
    ] = None,
    noise_sd: Annotated[
        float | None, typer.Option(help="Augment: greatest Gaussian noise, in standard deviations.")
    ] = None,
    gain: Annotated[float | None, typer.Option(help="Augment: greatest relative change of the contrast.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run; default: dataset-network-recipe-seed.")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    detach: Annotated[bool, typer.Option("--detach", help="Train in the background; see `tem-rf queue`.")] = False,
    tensorboard: TensorBoardFlag = False,
    evaluate: EvaluateFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Train networks on a prepared dataset, or go on where the same command stopped; more --epochs extend the run.

    Ctrl-C ends cleanly after the step in hand. Several networks or seeds train one after the other; with --detach they
    queue, one per GPU, or one on the CPU.

    Example: tem-rf train datasets/au-5nm --network n2-p44 --seed 752,2245,140 --epochs 100
    """
    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "learning_rate_schedule": schedule,
        "loss": loss,
        "weight_averaging": weight_averaging,
        "early_stopping_patience": patience,
        "precision": precision,
    }
    settings = training_settings(recipe, **_given(changes))
    augmentation = augmentation_settings(
        **_given(
            {
                "blur_px": blur_px,
                "dose_fraction": dose_fraction,
                "counts_per_electron": counts_per_electron,
                "noise_sd": noise_sd,
                "gain": gain,
            }
        )
    )
    architectures = [Architecture.from_name(text) for text in network.split(",")]
    seeds = _seeds(seed)
    if name is not None and len(architectures) * len(seeds) > 1:
        raise SettingsError("--name: names one run, and several networks or seeds were given; leave it out.")

    from tem_rf.runs.dataset import configure_run

    configs = [
        configure_run(dataset, architecture, settings, one, augmentation)
        for architecture in architectures
        for one in seeds
    ]
    folders = [open_or_extend(runs / (name or default_name(config)), config) for config in configs]
    if tensorboard:
        for folder in folders:
            folder.tensorboard_folder.mkdir(exist_ok=True)
    results = (_train_in_background if detach else _train_in_foreground)(folders, evaluate)
    if as_json:
        print_json(results if len(results) > 1 else results[0])


def resume(
    run: Annotated[str, typer.Argument(help="Name or folder of the run.")],
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs in all, more than before.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Train in the background; see `tem-rf queue`.")] = False,
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
        result = view_run(folder).to_json()
    else:
        (result,) = (_train_in_background if detach else _train_in_foreground)([folder], evaluate)
    if as_json:
        print_json(result)


def _train_in_foreground(runs: Sequence[RunFolder], evaluate: bool) -> list[dict[str, Any]]:
    """Train with progress on stderr; exits with 128 + signal if one ended it."""
    report = ConsoleReport()
    if len(runs) > 1:
        code = train_one_after_the_other(runs, evaluate=evaluate, report=report)
    else:
        (run,) = runs
        signal_number = train_here(run, evaluate=evaluate, report=report)
        if view_run(run).state == "stopped":
            print_remark(f"Go on with: tem-rf resume {shlex.quote(str(run.path))}")
        code = SIGNAL_EXIT + signal_number if signal_number else 0
    if code:
        raise typer.Exit(code)
    return [view_run(run).to_json() for run in runs]


def _train_in_background(runs: Sequence[RunFolder], evaluate: bool) -> list[dict[str, Any]]:
    """Add the runs to the queue of their folder, and tell when each is trained."""
    launched = train_in_background(runs, evaluate=evaluate)
    if len(launched) == 1 and launched[0].state == "training":
        raise RunError(f"{runs[0].path}: is being trained already; watch it with `{runs[0].watch_command}`.")
    for one in launched:
        print_remark(f"{one.run.path}: {_in_words(one)}")
    for queue in {TrainingQueue.of(run.path.parent) for run in runs}:
        if queue.view().state == "stopped":
            print_remark(f"{queue.root}: the queue is stopped; go on with `{queue.resume_command}`")
    return [
        {"run": str(one.run.path), "state": one.state} | ({"position": one.position} if one.position else {})
        for one in launched
    ]


def _in_words(launched: Launched) -> str:
    if launched.state == "starting":
        return f"starts now; see `{launched.run.watch_command}`"
    if launched.state == "queued":
        queue = TrainingQueue.of(launched.run.path.parent)
        return f"waits in the queue, position {launched.position}; see `{queue.watch_command}`"
    return "is being trained already" if launched.state == "training" else "is finished already"


def _given(changes: dict[str, Any]) -> dict[str, Any]:
    """What the user gave."""
    return {key: value for key, value in changes.items() if value is not None}


def _seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError as error:
        raise SettingsError(f"--seed: expected whole numbers with commas between, received {text!r}.") from error
