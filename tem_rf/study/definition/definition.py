"""Definition of a study: datasets, search space, strategy, recipes and seeds; the content of `study.toml`."""

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from tem_rf.config.augmentation import NO_AUGMENTATION, RECIPE_AUGMENTATION, AugmentationSettings
from tem_rf.config.marks import SEVERAL
from tem_rf.config.training import (
    DEFAULT_RECIPE,
    RECIPES,
    STUDY_SEEDS,
    Seed,
    TrainingSettings,
    settings_error,
    training_settings,
)
from tem_rf.errors import StudyError
from tem_rf.runs.folder import dataset_in_names
from tem_rf.study.definition.sections import Execution, Objective, Section, Space, Strategy
from tem_rf.study.definition.starts import SCRATCH, start_in_names, start_seen_from


@dataclass(frozen=True)
class Setup:
    """One dataset with one recipe from one start; objectives are compared within a setup, never between setups.

    Attributes:
        name: Unique in the study; runs are named after it.
        dataset: Dataset folder.
        training: How its networks are trained.
        start_from: Trained network whose weights its runs start from; None: from scratch.
    """

    name: str
    dataset: Path
    training: TrainingSettings
    start_from: str | None = None


class StudyDefinition(Section):
    """Each network that the strategy selects is trained on every dataset with every recipe and start, once per seed."""

    datasets: tuple[Path, ...] = Field(min_length=1, description="Folders of prepared datasets, relative to this file.")
    seeds: tuple[Seed, ...] = Field(
        STUDY_SEEDS[:3], min_length=1, description="Seeds of initial weights and patch order; one training per seed."
    )
    start_from: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], *SEVERAL] = Field(
        (SCRATCH,),
        min_length=1,
        description=f"Starting weights, all compared: {SCRATCH} (from scratch), name or folder of a model or a run, a "
        "`.keras` file, or a PyTorch file of the study; paths are relative to this file. Only the network of the model "
        "is trained from a model.",
    )
    space: Space = Space()
    strategy: Strategy = Strategy()
    objective: Objective = Objective()
    training: tuple[TrainingSettings, ...] = Field((training_settings(),), min_length=1)
    augmentation: AugmentationSettings = NO_AUGMENTATION
    execution: Execution = Execution()

    @field_validator("training", mode="before")
    @classmethod
    def _start_from_recipes(cls, value: Any) -> Any:
        tables = [value] if isinstance(value, dict) else value
        if not isinstance(tables, list):
            return value
        return [_with_recipe(table) if isinstance(table, dict) else table for table in tables]

    @model_validator(mode="before")
    @classmethod
    def _augment_as_recipes(cls, value: Any) -> Any:
        """One augmentation applies to all trainings, so it is that of their recipes only if these agree."""
        if not isinstance(value, dict) or "augmentation" in value:
            return value
        tables = value.get("training", {})
        names = [_recipe_of(table) for table in (tables if isinstance(tables, list | tuple) else [tables])]
        wanted = [RECIPE_AUGMENTATION.get(name, {}) for name in names]
        if any(one != wanted[0] for one in wanted[1:]):
            raise ValueError(
                f"training: the recipes {', '.join(sorted(set(names)))} differ in their augmentation; add a table "
                "[augmentation], which applies to all of them"
            )
        return {**value, "augmentation": wanted[0]} if wanted and wanted[0] else value

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        for field in ("datasets", "seeds", "training", "start_from"):
            values = getattr(self, field)
            if any(value in values[:index] for index, value in enumerate(values)):
                raise ValueError(f"{field}: the same value is given twice")
        names = [dataset_in_names(dataset) for dataset in self.datasets]
        if len(set(names)) < len(names):
            twice_named = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"datasets: two folders are named {twice_named}; rename one, because runs are named after them"
            )
        starts = [start_in_names(start) for start in self.start_from]
        if len(set(starts)) < len(starts):
            twice_named = next(name for name in starts if starts.count(name) > 1)
            raise ValueError(
                f"start_from: two models are named {twice_named}; rename one, because runs are named after them"
            )
        return self

    @model_validator(mode="after")
    def _freezes_trained_layers(self) -> Self:
        frozen = next((index for index, training in enumerate(self.training) if training.freeze is not None), None)
        if frozen is not None and SCRATCH in self.start_from:
            raise ValueError(
                f"training.{frozen}.freeze: is used with models in start_from only; remove {SCRATCH!r} from "
                "start_from, or leave freeze out"
            )
        return self

    def executed(self, **changes: Any) -> Self:
        """Return the same study with other execution settings; a scheduler or SLURM replaces the previous choice.

        Raises:
            StudyError: A setting is unknown or out of range.
        """
        before = self.execution.model_dump(exclude_none=True)
        if changes.keys() & set(Execution.PLACES):
            before = {field: value for field, value in before.items() if field not in Execution.PLACES}
        try:
            execution = Execution.model_validate({**before, **changes})
        except ValidationError as error:
            where = "" if error.errors()[0]["type"] == "value_error" else "execution."
            raise StudyError(f"{where}{_first_error(error)}") from error
        return self.model_copy(update={"execution": execution})

    def setups(self) -> tuple[Setup, ...]:
        """Return each dataset with each recipe and start; further recipes of the same name get a number."""
        setups = []
        for dataset in self.datasets:
            recipes: list[str] = []
            for training in self.training:
                recipes.append(training.recipe)
                count = recipes.count(training.recipe)
                number = f"-{count}" if count > 1 else ""
                name = f"{dataset_in_names(dataset)}-{training.recipe}{number}"
                for start in self.start_from:
                    if start == SCRATCH:
                        setups.append(Setup(name, dataset, training))
                    else:
                        setups.append(Setup(f"{name}-from-{start_in_names(start)}", dataset, training, start))
        return tuple(setups)


def read_definition(path: Path) -> StudyDefinition:
    """Read a definition; relative paths in it are relative to its folder.

    Raises:
        StudyError: The file is missing or not TOML, or a field is unknown, missing or out of range.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyError(f"{path}: no such file; write a definition with `tem-rf study new`.") from error
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or nested too deeply
        raise StudyError(f"{path}: is not valid TOML: {error}.") from error
    definition = define_study(content, str(path))
    return _seen_from(definition, path.parent)


def define_study(content: dict[str, Any], where: str = "study") -> StudyDefinition:
    """Check the content of a definition.

    Args:
        content: Fields, as read from TOML.
        where: Beginning of error messages.

    Raises:
        StudyError: A field is unknown, missing or out of range.
    """
    try:
        return StudyDefinition.model_validate(content)
    except ValidationError as error:
        raise StudyError(f"{where}: {_first_error(error)}") from error


def _recipe_of(training: Any) -> str:
    name = training.get("recipe", DEFAULT_RECIPE) if isinstance(training, dict) else getattr(training, "recipe", "")
    return str(name)


def _with_recipe(table: dict[str, Any]) -> dict[str, Any]:
    recipe = table.get("recipe", DEFAULT_RECIPE)
    if recipe not in tuple(RECIPES):  # a tuple, because recipe may be an unhashable list
        raise ValueError(f"training: recipe: expected one of {', '.join(sorted(RECIPES))}, received {recipe!r}")
    return {"recipe": recipe, **RECIPES[recipe], **table}


def _seen_from(definition: StudyDefinition, folder: Path) -> StudyDefinition:
    def whole(path: Path) -> Path:
        return (folder / path).resolve()

    execution = definition.execution
    if execution.scheduler_file is not None:
        execution = execution.model_copy(update={"scheduler_file": whole(execution.scheduler_file)})
    datasets = tuple(whole(dataset) for dataset in definition.datasets)
    starts = tuple(start_seen_from(start, folder) for start in definition.start_from)
    return definition.model_copy(update={"datasets": datasets, "start_from": starts, "execution": execution})


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
        "too_short": "expected at least one",
    }
    if first["type"] in in_words_of_toml:
        return f"{field}: {in_words_of_toml[first['type']]}, received {first['input']!r}."
    return str(settings_error(error))


def _field_places() -> dict[str, str]:
    """Return the place of each field by name, with the table that contains it."""
    tables: dict[str, type[BaseModel]] = {
        "space": Space,
        "strategy": Strategy,
        "objective": Objective,
        "training": TrainingSettings,
        "augmentation": AugmentationSettings,
        "execution": Execution,
    }
    places = {name: f"{table}.{name}" for table, model in tables.items() for name in model.model_fields}
    return {**places, **{name: name for name in StudyDefinition.model_fields}}
