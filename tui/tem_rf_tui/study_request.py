"""What the form of a study asks for, and the definition it becomes."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from tem_rf.config.training import DEFAULT_RECIPE, RECIPES, STUDY_SEEDS
from tem_rf.errors import StudyError
from tem_rf.study.definition.definition import StudyDefinition, define_study
from tem_rf.study.definition.sections import Space, StrategyName

_SPACE = Space()
_LISTS = ("depths", "poolings", "dilations", "seeds")


def _text(values: tuple[int, ...]) -> str:
    return ",".join(map(str, values))


class StudyRequest(BaseModel):
    """A study as one types it: lists with commas between; an empty field leaves the default."""

    name: str = Field("study-1", pattern=r"^[\w.+-]+$", description="Name of the study, a folder in studies.")
    datasets: str = Field("", description="Prepared datasets, commas between.")
    networks: str = Field("", description="Networks by name: n2-p22,n3-p244; none: those of the fields below.")
    depths: str = Field(_text(_SPACE.depths), description="Depths N: encoder blocks, and so poolings.")
    poolings: str = Field(_text(_SPACE.poolings), description="Sizes that each level may pool by.")
    dilations: str = Field("1", description="Dilations of all blocks.")
    min_field_px: float | None = Field(None, ge=0, description="Least width of the receptive field [px].")
    max_field_px: float | None = Field(None, gt=0, description="Greatest width of the receptive field [px].")
    strategy: StrategyName = Field("grid", description="In which order networks are tried.")
    budget: int | None = Field(None, ge=1, description="Networks to try per dataset; none: all.")
    seeds: str = Field(_text(STUDY_SEEDS[:3]), description="One training per seed.")
    recipe: str = Field(DEFAULT_RECIPE, description="How networks are trained.", json_schema_extra={"enum": [*RECIPES]})
    epochs: int | None = Field(None, ge=1, description="Epochs of a training; none: those of the recipe.")
    workers: int | None = Field(None, ge=1, description="Trainings at once; none: one per GPU, or one on the CPU.")


def define(request: StudyRequest, folder: Path) -> StudyDefinition:
    """The definition that a form describes.

    Args:
        request: The form.
        folder: What relative datasets are seen from.

    Raises:
        StudyError: A field is out of its range; the message begins with its name.
    """
    lists = {name: _numbers(name, getattr(request, name)) for name in _LISTS}
    content: dict[str, Any] = {
        "datasets": [str((folder / name).resolve()) for name in _words(request.datasets)],
        "seeds": lists.pop("seeds"),
        "space": {"networks": _words(request.networks), **lists, **_given(request, "min_field_px", "max_field_px")},
        "strategy": {"name": request.strategy, **_given(request, "budget")},
        "training": {"recipe": request.recipe, **_given(request, "epochs")},
        "execution": _given(request, "workers"),
    }
    try:
        return define_study(content)
    except StudyError as error:
        raise StudyError(str(error).removeprefix("study: ")) from error


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(field: str, text: str) -> list[int]:
    try:
        return [int(word) for word in _words(text)]
    except ValueError as error:
        raise StudyError(f"{field}: expected whole numbers with commas between, received {text!r}.") from error


def _given(request: StudyRequest, *fields: str) -> dict[str, Any]:
    return {field: value for field in fields if (value := getattr(request, field)) is not None}
