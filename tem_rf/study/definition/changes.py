"""Compare two definitions of a study, and check that one extends the other."""

from collections.abc import Collection
from typing import Any

from tem_rf.errors import StudyError
from tem_rf.runs.folder import dataset_in_names
from tem_rf.study.definition.definition import Setup, StudyDefinition
from tem_rf.study.definition.space import setup_candidates
from tem_rf.study.definition.starts import start_in_names


def first_change(before: StudyDefinition, after: StudyDefinition) -> str | None:
    """Return the first field that differs, such as `seeds: expected 752, received 752, 140`.

    None if only the execution and the locations of datasets and models differ: these are compared by name here, and
    each run rejects another one of the same name by its fingerprint.
    """
    flat_before, flat_after = _flatten(before), _flatten(after)
    for field in {**flat_before, **flat_after}:
        one, other = flat_before.get(field), flat_after.get(field)
        if one != other:
            return f"{field}: expected {_text(one)}, received {_text(other)}"
    return None


def check_extension(before: StudyDefinition, after: StudyDefinition, where: str) -> None:
    """Refuse changes that remove something from a study or make its results incomparable.

    Raises:
        StudyError: A dataset, seed, recipe, start or network would be dropped, epochs or the budget lowered, or another
            setting changed.
    """
    for dropped in (
        _dropped("seeds", before.seeds, after.seeds),
        _dropped("datasets", _dataset_names(before), _dataset_names(after)),
        _dropped("start_from", _start_names(before), _start_names(after)),
    ):
        _refuse(where, dropped)
    for field in ("augmentation", "objective"):
        if getattr(before, field) != getattr(after, field):
            _refuse(where, f"{field} would change, and the results so far would no longer be comparable")
    _refuse(where, _strategy_change(before, after) or _training_change(before, after))
    new_setups = {setup.name: setup for setup in after.setups()}
    for setup in before.setups():
        networks = (_names(definition, new_setups[setup.name]) for definition in (before, after))
        _refuse(where, _dropped("space: networks", *networks))


def _strategy_change(before: StudyDefinition, after: StudyDefinition) -> str | None:
    one, other = before.strategy, after.strategy
    if one.model_copy(update={"budget": other.budget}) != other:
        return "strategy: only its budget may change"
    if other.budget is not None and (one.budget is None or other.budget < one.budget):
        return f"strategy.budget: {other.budget} is fewer than {one.budget or 'all'}"
    return None


def _training_change(before: StudyDefinition, after: StudyDefinition) -> str | None:
    if len(after.training) < len(before.training):
        return "training: a recipe would be dropped"
    for index, (one, other) in enumerate(zip(before.training, after.training, strict=False)):
        if one.model_copy(update={"epochs": other.epochs}) != other:
            return f"training.{index}: only its epochs may change; add another [[training]] after it"
        if other.epochs < one.epochs:
            return f"training.{index}.epochs: {other.epochs} is fewer than {one.epochs}"
        if other.epochs > one.epochs and before.strategy.name == "hyperband":
            return f"training.{index}.epochs: hyperband has distributed {one.epochs} epochs; they cannot be extended"
    return None


def _names(definition: StudyDefinition, setup: Setup) -> list[str]:
    return [architecture.name for architecture in setup_candidates(definition.space, setup)]


def _dataset_names(definition: StudyDefinition) -> list[str]:
    return [dataset_in_names(dataset) for dataset in definition.datasets]


def _start_names(definition: StudyDefinition) -> list[str]:
    return [start_in_names(start) for start in definition.start_from]


def _dropped(field: str, before: Collection[Any], after: Collection[Any]) -> str | None:
    dropped = [str(each) for each in before if each not in after]
    return f"{field}: {dropped[0]} would be dropped" if dropped else None


def _refuse(where: str, reason: str | None) -> None:
    if reason:
        raise StudyError(
            f"{where}: {reason}; `extend` only adds seeds, networks, datasets, recipes, models to start from, epochs "
            "and budget. For a different study, choose another `name`."
        )


def _flatten(definition: StudyDefinition) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for field, value in definition.model_dump(mode="json", exclude={"execution"}).items():
        if field == "datasets":
            flat[field] = _dataset_names(definition)
        elif field == "start_from":
            flat[field] = _start_names(definition)
        elif field == "training":
            flat.update(
                {f"training.{index}.{key}": each for index, one in enumerate(value) for key, each in one.items()}
            )
        elif isinstance(value, dict):
            flat.update({f"{field}.{key}": each for key, each in value.items()})
        else:
            flat[field] = value
    return flat


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
