"""Train networks: one run per network and seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tem_rf.architecture import Architecture
from tem_rf.config.augmentation import AugmentationSettings, augmentation_settings
from tem_rf.config.marks import Choices, Group, Positional, SeveralNumbers, SeveralWords
from tem_rf.config.training import DEFAULT_RECIPE, RECIPES, STUDY_SEEDS, TrainingSettings, training_settings
from tem_rf.errors import SettingsError
from tem_rf.jobs.request import Request
from tem_rf.runs import process
from tem_rf.runs.extension import is_complete, open_or_extend
from tem_rf.runs.folder import RunFolder, default_name
from tem_rf.runs.root import DEFAULT_ROOT

if TYPE_CHECKING:
    from tem_rf.runs.events import Listener


class TrainRequest(Request):
    """Networks to train on a prepared dataset, each with every seed."""

    command = ("train",)

    dataset: Annotated[Path, Positional()] = Field(description="Folder of a prepared dataset.")
    network: SeveralWords = Field(
        ("n2-p44",), min_length=1, description="Network, or several separated by commas: n2-p22,n2-p44."
    )
    seed: SeveralNumbers = Field(
        STUDY_SEEDS[:1],
        min_length=1,
        description=f"Seed, or several separated by commas; the study used {','.join(map(str, STUDY_SEEDS))}.",
    )
    recipe: Annotated[str, Choices(tuple(RECIPES))] = Field(
        DEFAULT_RECIPE, description="Recipe that provides the defaults of the settings below."
    )
    training: Annotated[
        TrainingSettings,
        Group(training_settings, presets=("recipe",), basic=("epochs", "batch_size", "learning_rate")),
    ]
    augmentation: Annotated[AugmentationSettings, Group(augmentation_settings)]
    name: str | None = Field(None, description="Name of the run; default: dataset-network-recipe-seed.")
    runs: Path = Field(DEFAULT_ROOT, description="Folder of the runs.")
    tensorboard: bool = Field(False, description="Also log the epochs to RUN/tensorboard, from now on.")
    evaluate: bool = Field(False, description="Score the test images after the last epoch; written to RUN/scores.csv.")

    @property
    def architectures(self) -> list[Architecture]:
        """The networks.

        Raises:
            ArchitectureError: A name is not a valid architecture name.
        """
        return [Architecture.from_name(name) for name in self.network]


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
    """Create the run folders of a request, one per network and seed; an existing run of fewer epochs is extended.

    Nothing is created if any of the runs is invalid.

    Raises:
        SettingsError: A name was given for several runs.
        ArchitectureError: A network name is not a valid architecture name.
        DatasetError: One of the networks cannot use the dataset.
        RunError: A folder contains a run of another configuration or of more epochs, or something else.
        StorageError: The folder of the runs is not writable.
    """
    from tem_rf.runs.dataset import configure_run

    architectures = request.architectures
    if request.name is not None and len(architectures) * len(request.seed) > 1:
        raise SettingsError("`name`: applies to a single run, but several networks or seeds were given; leave it out.")
    configs = [
        configure_run(request.dataset, architecture, request.training, seed, request.augmentation)
        for architecture in architectures
        for seed in request.seed
    ]
    folders = [open_or_extend(request.runs / (request.name or default_name(config)), config) for config in configs]
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


def _status(run: RunFolder) -> Literal["waiting", "complete", "active"]:
    if process.is_alive(run) or process.state(run) == "queued":
        return "active"
    return "complete" if is_complete(run) else "waiting"
