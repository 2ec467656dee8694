"""Define a study: networks, datasets, seeds and search strategy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from tem_rf.config.augmentation import AugmentationSettings, augmentation_settings
from tem_rf.config.marks import Choices, Flags, Group, Positional, SeveralNumbers, SeveralWords, split_values
from tem_rf.config.training import (
    DEFAULT_RECIPE,
    FINETUNE_RECIPE,
    RECIPES,
    STUDY_SEEDS,
    TrainingSettings,
    settings_error,
    training_settings,
)
from tem_rf.errors import SettingsError
from tem_rf.jobs.request import Request
from tem_rf.jobs.workers import execution_settings
from tem_rf.study.definition.definition import StudyDefinition, define_study
from tem_rf.study.definition.presets import PRESETS
from tem_rf.study.definition.sections import Execution, Space, Strategy
from tem_rf.study.definition.starts import SCRATCH, start_seen_from
from tem_rf.study.folder import StudyFolder

if TYPE_CHECKING:
    from tem_rf.study.execution.dask_pool import DaskPool

_Section = TypeVar("_Section", Space, Strategy)


def _space(preset: str | None = None, **changes: Any) -> Space:
    if preset and preset not in PRESETS:
        raise SettingsError(f"`preset`: expected one of {', '.join(PRESETS)}, received {preset!r}.")
    start = PRESETS[preset].model_dump(exclude_unset=True) if preset else {}
    if changes.keys() & {"depths", "poolings", "dilations"}:
        start.pop("networks", None)
    return _checked(Space, start | changes)


def _training(
    preset: str | None = None, start_from: Any = SCRATCH, recipe: str | None = None, **changes: Any
) -> TrainingSettings:
    usual = "paper" if preset else DEFAULT_RECIPE
    return training_settings(
        recipe or (usual if SCRATCH in split_values(start_from or SCRATCH) else FINETUNE_RECIPE), **changes
    )


def _strategy(**changes: Any) -> Strategy:
    return _checked(Strategy, changes)


class StudyRequest(Request):
    """A study of datasets x networks x recipes x seeds; equivalent to a `study.toml`, which can be edited by hand."""

    command = ("study", "new")

    datasets: Annotated[tuple[Path, ...], Positional()] = Field(
        min_length=1, description="Folders of prepared datasets."
    )
    preset: Annotated[str | None, Choices(tuple(PRESETS))] = Field(
        None, description="Figure of the published study that provides the defaults of the settings below."
    )
    space: Annotated[
        Space,
        Group(
            _space,
            presets=("preset",),
            basic=("networks", "depths", "poolings", "min_field_nm", "max_field_nm"),
        ),
    ]
    strategy: Annotated[
        Strategy,
        Group(_strategy, only=("name", "budget"), basic=("name", "budget"), names={"name": "strategy"}),
    ]
    seeds: Annotated[SeveralNumbers, Flags("seed")] = Field(
        (),
        description="Seeds; each network is trained once per seed. "
        f"Default: {','.join(map(str, STUDY_SEEDS[:3]))}; with a preset, those of the study.",
    )
    start_from: Annotated[SeveralWords, Flags("from")] = Field(
        (SCRATCH,),
        min_length=1,
        description=f"Starting weights to compare, separated by commas: {SCRATCH} (from scratch), name or folder of a "
        "model or a run, a `.keras` file, or a PyTorch file of the study.",
    )
    recipe: Annotated[str | None, Choices(tuple(RECIPES))] = Field(
        None,
        description=f"Training recipe; default: {DEFAULT_RECIPE}, with a preset paper, from models only "
        f"{FINETUNE_RECIPE}.",
    )
    training: Annotated[
        TrainingSettings, Group(_training, presets=("preset", "start_from", "recipe"), basic=("epochs",))
    ]
    augmentation: Annotated[AugmentationSettings, Group(augmentation_settings, presets=("recipe",))]
    execution: Annotated[Execution, Group(execution_settings, only=("workers",))]


def define(request: StudyRequest) -> StudyDefinition:
    """Return the definition of a study.

    Raises:
        StudyError: The settings contradict each other.
    """
    return define_study(
        {
            "datasets": [str(folder.resolve()) for folder in request.datasets],
            "seeds": request.seeds or (STUDY_SEEDS if request.preset else STUDY_SEEDS[:3]),
            "start_from": tuple(start_seen_from(start, Path()) for start in request.start_from),
            "space": request.space,
            "strategy": request.strategy,
            "training": (request.training,),
            "augmentation": request.augmentation,
            "execution": request.execution,
        }
    )


def run_study(request: StudyRequest, path: Path) -> StudyFolder:
    """Run a study in its folder; an existing study of the same definition is resumed.

    Args:
        request: What to train.
        path: Study folder.

    Raises:
        StudyError: The folder contains another study.
        RunError: Another process is running it.
        StorageError: The study cannot be written.
    """
    from tem_rf.study.driver import run_study as drive

    folder = StudyFolder.create_or_open(path, define(request))
    drive(folder, start_pool)
    return folder


def start_pool(folder: StudyFolder) -> "DaskPool":
    """Start the workers of a study, before importing Keras, which hides the GPUs from this process."""
    from tem_rf.models.backend import import_keras
    from tem_rf.study.execution.clusters import choose_cluster
    from tem_rf.study.execution.dask_pool import DaskPool

    pool = DaskPool(choose_cluster(folder.definition.execution, folder.path), folder.path)
    import_keras()  # the search needs it
    return pool


def _checked(section: type[_Section], content: dict[str, Any]) -> _Section:
    try:
        return section.model_validate(content)
    except ValidationError as error:
        raise settings_error(error, section) from error
