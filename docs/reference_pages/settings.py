"""The page of settings: every model in `tem_rf.config` and in the definition of a study."""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from docs.reference_pages.markdown import code, section, table
from docs.reference_pages.models import model_section


def settings_page() -> str:
    """Return the page: all settings with their ranges and defaults, and the named sets of settings."""
    from tem_rf import config
    from tem_rf.config.augmentation import RECIPE_AUGMENTATION
    from tem_rf.config.simulation import PRESETS
    from tem_rf.config.training import DEFAULT_RECIPE, RECIPES
    from tem_rf.data.preparation.presets import preset_changes
    from tem_rf.data.published.public import PUBLISHED_SETS
    from tem_rf.study.definition import definition, sections

    modules = [import_module(f"{config.__name__}.{module.name}") for module in pkgutil.iter_modules(config.__path__)]
    intro = (
        "Generated from the models that validate them. A value out of range is refused before anything starts. "
        "Command-line options have the same names. *null* means that the field is not set."
    )
    recipes = {name: recipe | RECIPE_AUGMENTATION.get(name, {}) for name, recipe in RECIPES.items()}
    preparations = {name: preset_changes(name) for name in PUBLISHED_SETS}
    named = [
        ("Recipes of training", f"`tem-rf train --recipe NAME` (default `{DEFAULT_RECIPE}`)", recipes),
        ("Presets of the simulator", "`tem-rf simulate NAME`", PRESETS),
        ("Presets of preparation", "`tem-rf prepare --preset NAME`", preparations),
    ]
    return "\n\n".join(
        [
            "# Settings",
            intro,
            *(model_section(model, model.__name__) for module in modules for model in models_of(module)),
            section(2, "Sets of settings"),
            *(_named_sets(*one) for one in named),
            section(2, "A study"),
            "The content of `study.toml`. `tem-rf study new` writes one with a comment on every field.",
            *(model_section(model, model.__name__, 3) for part in (definition, sections) for model in models_of(part)),
            "",
        ]
    )


def models_of(module: ModuleType) -> Iterator[type[BaseModel]]:
    """Yield the models that a module defines, in order, without those that have no fields."""
    for value in vars(module).values():
        is_model = inspect.isclass(value) and issubclass(value, BaseModel)
        if is_model and value.__module__ == module.__name__ and value.model_fields:
            yield value


def _named_sets(title: str, use: str, sets: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (code(name), ", ".join(code(f"{key} = {value}") for key, value in changes.items()) or "the defaults")
        for name, changes in sets.items()
    ]
    return f"{section(3, title)}\n\n{use}: changes from the defaults.\n\n{table(('name', 'changes'), rows)}"
