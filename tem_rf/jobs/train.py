"""Train networks: one run per network and seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from tem_rf.architecture import Architecture
from tem_rf.config.augmentation import AugmentationSettings, augmentation_settings
from tem_rf.config.marks import Choices, Flags, Group, Positional, SeveralNumbers, SeveralWords
from tem_rf.config.training import (
    DEFAULT_RECIPE,
    FINETUNE_RECIPE,
    RECIPES,
    STUDY_SEEDS,
    TrainingSettings,
    training_settings,
)
from tem_rf.errors import SettingsError
from tem_rf.jobs.request import Request
from tem_rf.runs import process
from tem_rf.runs.config import Fold
from tem_rf.runs.extension import is_complete, open_or_extend
from tem_rf.runs.folder import RunFolder, default_name
from tem_rf.runs.root import DEFAULT_ROOT

if TYPE_CHECKING:
    import keras

    from tem_rf.runs.events import Listener
    from tem_rf.training.starting_point import StartingPoint

DEFAULT_NETWORK = "n2-p44"


def _training(start_from: str | None = None, recipe: str | None = None, **changes: Any) -> TrainingSettings:
    return training_settings(recipe or (FINETUNE_RECIPE if start_from else DEFAULT_RECIPE), **changes)


class TrainRequest(Request):
    """Networks to train on a prepared dataset, each with every seed."""

    command = ("train",)

    dataset: Annotated[Path, Positional()] = Field(description="Folder of a prepared dataset.")
    network: SeveralWords = Field(
        (),
        description=f"Network, or several separated by commas: n2-p22,n2-p44. Default: {DEFAULT_NETWORK}, or that of "
        "the model to start from.",
    )
    start_from: Annotated[str | None, Flags("from")] = Field(
        None,
        min_length=1,
        description="Trained network whose weights to start from: name or folder of a model or a run, a `.keras` file, "
        "or a PyTorch file of the study; none: from scratch.",
    )
    seed: SeveralNumbers = Field(
        STUDY_SEEDS[:1],
        min_length=1,
        description=f"Seed, or several separated by commas; the study used {','.join(map(str, STUDY_SEEDS))}.",
    )
    folds: int | None = Field(
        None,
        ge=2,
        description="Cross-validation over micrographs: as many runs, each tested on the micrographs that it was not "
        "trained on; as many as micrographs leaves one out each. None: the splits of the dataset.",
    )
    recipe: Annotated[str | None, Choices(tuple(RECIPES))] = Field(
        None,
        description=f"Recipe that provides the defaults of the settings below: {', '.join(RECIPES)}. "
        f"Default: {DEFAULT_RECIPE}; from a model: {FINETUNE_RECIPE}.",
    )
    training: Annotated[
        TrainingSettings,
        Group(_training, presets=("start_from", "recipe"), basic=("epochs", "batch_size", "learning_rate", "freeze")),
    ]
    augmentation: Annotated[AugmentationSettings, Group(augmentation_settings, presets=("recipe",))]
    name: str | None = Field(None, description="Name of the run; default: dataset-network-recipe-seed.")
    runs: Path = Field(DEFAULT_ROOT, description="Folder of the runs.")
    tensorboard: bool = Field(False, description="Also log the epochs to RUN/tensorboard, from now on.")
    evaluate: bool = Field(
        False, description="Evaluate the run on the test images after the last epoch; written to RUN/scores.csv."
    )

    @model_validator(mode="after")
    def _freezes_trained_layers(self) -> Self:
        if self.training.freeze is not None and self.start_from is None:
            raise ValueError("`freeze`: is used with `start_from` only; add it, or leave `freeze` out")
        return self

    @property
    def architectures(self) -> list[Architecture]:
        """The networks; none are named where the network is that of the model to start from.

        Raises:
            ArchitectureError: A name is not a valid architecture name.
        """
        names = self.network or (() if self.start_from else (DEFAULT_NETWORK,))
        return [Architecture.from_name(name) for name in names]

    @property
    def run_count(self) -> int:
        """Number of runs.

        Raises:
            ArchitectureError: A name is not that of an architecture.
        """
        return max(len(self.architectures), 1) * len(self.seed) * (self.folds or 1)

    @property
    def parts(self) -> list[Fold | None]:
        """The folds, or None for the splits of the dataset."""
        if self.folds is None:
            return [None]
        return [Fold(number=number, folds=self.folds) for number in range(1, self.folds + 1)]


@dataclass(frozen=True)
class PlannedRun:
    """A run of a request, with its folder created.

    Attributes:
        run: The run folder.
        status: `waiting` to be trained, `complete`, or `active`: queued or being trained by another process.
    """

    run: RunFolder
    status: Literal["waiting", "complete", "active"]


def plan_runs(request: TrainRequest) -> list[PlannedRun]:
    """Create the run folders of a request, one per network, seed and fold; an existing run of fewer epochs is extended.

    Nothing is created if any of the runs is invalid.

    Raises:
        SettingsError: A name was given for several runs, or a network does not fit the model to start from.
        ArchitectureError: A network name is not that of an architecture.
        DatasetError: The dataset cannot be used by one of the networks, or was not prepared as the model to start from
            expects.
        ModelError: There is no model to start from, or it is damaged.
        ReadError: The PyTorch file to start from is damaged.
        RunError: A folder holds a run of another configuration or of more epochs, or something else.
        StorageError: The folder of the runs is not writable.
    """
    from tem_rf.runs.dataset import configure_run

    architectures = request.architectures
    if request.name is not None and request.run_count > 1:
        raise SettingsError(
            "`name`: applies to a single run, but several networks, seeds or folds were given; leave it out."
        )
    start = _starting_point(request, architectures)
    if start is not None:
        architectures = architectures or [start.architecture]
    configs = [
        configure_run(
            request.dataset,
            architecture,
            request.training,
            seed,
            request.augmentation,
            None if start is None else start.ancestor_of(architecture),
            fold,
        )
        for architecture in architectures
        for seed in request.seed
        for fold in request.parts
    ]
    network = None if start is None else _load(start)
    folders = [open_or_extend(request.runs / (request.name or default_name(config)), config) for config in configs]
    if network is not None:
        _store_start(folders, network)
    if request.tensorboard:
        for folder in folders:
            folder.tensorboard_folder.mkdir(exist_ok=True)
    return [PlannedRun(folder, _status(folder)) for folder in folders]


def train_one(request: TrainRequest, *, listener: "Listener | None" = None) -> RunFolder:
    """Train a single run (one network, one seed) in this process, and score it if requested.

    Args:
        request: What to train.
        listener: Called with every event.

    Returns:
        The run; finished unless it was asked to stop.

    Raises:
        TrainingError: The loss became NaN.
        RunError: Another process is training the run.
        TemRfError: See `plan_runs`.
    """
    (planned,) = plan_runs(request)
    from tem_rf.models.backend import import_keras

    import_keras()
    from tem_rf.evaluation.evaluate import evaluate_run
    from tem_rf.runs.dataset import open_training_data
    from tem_rf.training.train import train as train_run

    run = planned.run
    if planned.status != "complete":
        train_run(run, listener=listener)
    if request.evaluate and is_complete(run) and not run.is_scored:
        with process.claim(run):
            evaluate_run(run, open_training_data(run.config))
    return run


def _starting_point(request: TrainRequest, architectures: list[Architecture]) -> "StartingPoint | None":
    if request.start_from is None:
        return None
    from tem_rf.training.starting_point import find_starting_point

    start = find_starting_point(request.start_from, request.runs)
    for architecture in architectures:
        start.require(architecture)
    return start


def _load(start: "StartingPoint") -> "keras.Model":
    from tem_rf.models.backend import import_keras

    import_keras()
    return start.load()


def _store_start(folders: list[RunFolder], network: "keras.Model") -> None:
    """Give each run its copy of the weights, so that it depends on nothing outside its folder."""
    from tem_rf.runs.network import save_start

    for folder in folders:
        if not folder.start_file.exists():
            save_start(folder, network)


def _status(run: RunFolder) -> Literal["waiting", "complete", "active"]:
    if process.is_alive(run) or process.state(run) == "queued":
        return "active"
    return "complete" if is_complete(run) else "waiting"
