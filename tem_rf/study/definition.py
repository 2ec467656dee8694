"""What a study is: datasets, the space of networks, the strategy, recipes and seeds; the content of `study.toml`."""

import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tem_rf.config.augmentation import NO_AUGMENTATION, AugmentationSettings
from tem_rf.config.training import RECIPES, STUDY_SEEDS, TrainingSettings, settings_error
from tem_rf.errors import StudyError
from tem_rf.receptive_field.design import STUDY_POOLINGS

StrategyName = Literal["grid", "random", "bayesian", "hyperband"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Space(_Section):
    """Which networks may be tried."""

    networks: tuple[str, ...] = Field(
        (), description="Networks by name; where some are given, depths, poolings, dilations and parts are not used."
    )
    depths: tuple[int, ...] = Field((2, 3, 4), description="Depths N: encoder blocks, and so poolings.")
    poolings: tuple[int, ...] = Field(STUDY_POOLINGS, description="Sizes that each level may pool by.")
    dilations: tuple[int | tuple[int, ...], ...] = Field(
        (1,),
        description="Dilations: 2 dilates every block by 2; [1, 1, 2] is one per block, for networks of that depth.",
    )
    parts: tuple[str, ...] = Field(
        ("",), description='What else they have, in the words of a name: "", "f8", "k5-average-bilinear".'
    )
    min_field_px: float | None = Field(
        None, ge=0, examples=[40], description="Least width of the receptive field, in px."
    )
    max_field_px: float | None = Field(
        None, gt=0, examples=[400], description="Greatest width of the receptive field, in px."
    )
    min_field_nm: float | None = Field(
        None, ge=0, examples=[1.0], description="Least width of the receptive field, in nm."
    )
    max_field_nm: float | None = Field(
        None, gt=0, examples=[8.0], description="Greatest width of the receptive field, in nm."
    )
    within_patch: bool = Field(
        True, description="Only networks whose field is smaller than the patches they learn from."
    )


class Strategy(_Section):
    """In which order networks are tried, and how many."""

    name: StrategyName = Field(
        "grid",
        description="grid: all, in order; random: in random order; bayesian: the most promising first; "
        "hyperband: many for a few epochs, the best for more.",
    )
    budget: int | None = Field(
        None, ge=1, examples=[30], description="Networks to try per dataset and recipe; without it, all."
    )
    seed: int = Field(0, ge=0, description="Decides what is random about the order.")
    min_epochs: int = Field(3, ge=1, description="Of hyperband: epochs after which networks are first compared.")
    reduction: int = Field(
        3, ge=2, description="Of hyperband: one network in so many goes on, for so many times the epochs."
    )


class Objective(_Section):
    """What makes a network better: the mean over seeds of the best validation hard dice, less what is weighed here."""

    parameters_weight: float = Field(0, ge=0, description="Hard dice that ten times fewer parameters are worth.")
    time_weight: float = Field(0, ge=0, description="Hard dice that a ten times shorter training is worth.")


class Execution(_Section):
    """Where and how the trainings run; changing it does not change the study."""

    workers: int | None = Field(
        None, ge=1, examples=[2], description="Trainings at once; without it, one per GPU, or one on the CPU."
    )
    retries: int = Field(
        2, ge=0, description="How often a training that failed is tried again before its trial counts as failed."
    )
    scheduler: str | None = Field(
        None, examples=["tls://node7:8786"], description="Address of a running Dask scheduler to use."
    )
    scheduler_file: Path | None = Field(
        None, examples=["scheduler.json"], description="File in which a running Dask scheduler left its address."
    )
    slurm: dict[str, str | int | float | bool | list[str]] | None = Field(
        None,
        examples=[{"queue": "gpu", "cores": 4, "memory": "16GB", "walltime": "04:00:00"}],
        description="Start the workers as SLURM jobs, with these options of dask_jobqueue.SLURMCluster.",
    )


_PLACES = {"scheduler", "scheduler_file", "slurm"}
"""Fields of the execution of which one stands."""


@dataclass(frozen=True)
class Part:
    """One dataset under one recipe; objectives are compared within a part, never across.

    Attributes:
        name: Unique in the study; runs are named after it.
        dataset: Dataset folder.
        training: How its networks are trained.
    """

    name: str
    dataset: Path
    training: TrainingSettings


class StudyDefinition(_Section):
    """Every dataset is trained under every recipe with every network that the strategy chooses, once per seed."""

    datasets: tuple[Path, ...] = Field(min_length=1, description="Prepared dataset folders, seen from this file.")
    seeds: tuple[int, ...] = Field(
        STUDY_SEEDS[:3], min_length=1, description="One training per seed: initial weights and order of patches."
    )
    space: Space = Space()
    strategy: Strategy = Strategy()
    objective: Objective = Objective()
    training: tuple[TrainingSettings, ...] = Field((TrainingSettings(),), min_length=1)
    augmentation: AugmentationSettings = NO_AUGMENTATION
    execution: Execution = Execution()

    @field_validator("training", mode="before")
    @classmethod
    def _start_from_recipes(cls, value: Any) -> Any:
        tables = [value] if isinstance(value, dict) else value
        if not isinstance(tables, list):
            return value
        return [_with_recipe(table) if isinstance(table, dict) else table for table in tables]

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        for field in ("datasets", "seeds", "training"):
            values = getattr(self, field)
            if any(value in values[:index] for index, value in enumerate(values)):
                raise ValueError(f"{field}: the same is given twice")
        names = [_folder_name(dataset) for dataset in self.datasets]
        if len(set(names)) < len(names):
            twice_named = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"datasets: two folders are called {twice_named}; rename one, since runs are named after them"
            )
        return self

    def executed(self, **changes: Any) -> Self:
        """The same study, executed elsewhere: a scheduler or SLURM takes the place of what was chosen before.

        Raises:
            StudyError: A change is unknown or out of its range.
        """
        before = self.execution.model_dump(exclude_none=True)
        if _PLACES & changes.keys():
            before = {field: value for field, value in before.items() if field not in _PLACES}
        try:
            execution = Execution.model_validate({**before, **changes})
        except ValidationError as error:
            raise StudyError(f"execution.{_first_error(error)}") from error
        return self.model_copy(update={"execution": execution})

    def parts(self) -> tuple[Part, ...]:
        """Each dataset under each recipe; a further recipe of the same name gets a number."""
        parts = []
        for dataset in self.datasets:
            recipes: list[str] = []
            for training in self.training:
                recipes.append(training.recipe)
                count = recipes.count(training.recipe)
                number = f"-{count}" if count > 1 else ""
                parts.append(Part(f"{_folder_name(dataset)}-{training.recipe}{number}", dataset, training))
        return tuple(parts)


def read_definition(path: Path) -> StudyDefinition:
    """Read a definition; relative paths in it are seen from its folder.

    Raises:
        StudyError: The file is missing, no TOML, or a field is unknown, missing or out of its range.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyError(f"{path}: no such file; write a definition with `tem-rf study new`.") from error
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror}).") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise StudyError(f"{path}: is no TOML: {error}.") from error
    definition = define_study(content, str(path))
    return _seen_from(definition, path.parent)


def define_study(content: dict[str, Any], where: str = "study") -> StudyDefinition:
    """Check the content of a definition.

    Args:
        content: Fields, as TOML has them.
        where: What errors begin with.

    Raises:
        StudyError: A field is unknown, missing or out of its range.
    """
    try:
        return StudyDefinition.model_validate(content)
    except ValidationError as error:
        raise StudyError(f"{where}: {_first_error(error)}") from error


def _with_recipe(table: dict[str, Any]) -> dict[str, Any]:
    recipe = table.get("recipe", "paper")
    if recipe not in RECIPES:
        raise ValueError(f"training: recipe: expected one of {', '.join(sorted(RECIPES))}, received {recipe!r}")
    return {"recipe": recipe, **RECIPES[recipe], **table}


def _folder_name(dataset: Path) -> str:
    return re.sub(r"[^\w.]+", "-", dataset.name)


def _seen_from(definition: StudyDefinition, folder: Path) -> StudyDefinition:
    def whole(path: Path) -> Path:
        return (folder / path).resolve()

    execution = definition.execution
    if execution.scheduler_file is not None:
        execution = execution.model_copy(update={"scheduler_file": whole(execution.scheduler_file)})
    datasets = tuple(whole(dataset) for dataset in definition.datasets)
    return definition.model_copy(update={"datasets": datasets, "execution": execution})


def _first_error(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"{field}: is missing."
    if first["type"] == "extra_forbidden":
        places = _field_places()
        close = [places[name] for name in get_close_matches(str(first["loc"][-1]), places, n=2)]
        return f"{field}: no such field" + (f"; did you mean {' or '.join(close)}?" if close else ".")
    if first["type"] == "value_error":
        return f"{first['ctx']['error']}."
    in_words_of_toml = {
        "tuple_type": "expected a list",
        "model_type": "expected a table",
        "dict_type": "expected a table",
        "too_short": "expected one or more",
    }
    if first["type"] in in_words_of_toml:
        return f"{field}: {in_words_of_toml[first['type']]}, received {first['input']!r}."
    return str(settings_error(error))


def _field_places() -> dict[str, str]:
    """Fields by their names, with the table that holds them."""
    tables: dict[str, type[BaseModel]] = {
        "space": Space,
        "strategy": Strategy,
        "objective": Objective,
        "training": TrainingSettings,
    }
    tables |= {"augmentation": AugmentationSettings, "execution": Execution}
    places = {name: f"{table}.{name}" for table, model in tables.items() for name in model.model_fields}
    return {**places, **{name: name for name in StudyDefinition.model_fields}}
