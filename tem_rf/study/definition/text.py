"""Write a definition as TOML with a comment on every field, to be edited by hand."""

import textwrap
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from tomlkit.items import Comment, Item, Table, Trivia

from tem_rf.study.definition.definition import StudyDefinition

_WIDTH = 100


def definition_text(definition: StudyDefinition) -> str:
    """Write a definition as TOML; `read_definition` reads it back.

    A field that is not set is written as a comment, with an example.
    """
    document = tomlkit.document()
    _fill(document, definition)
    return document.as_string().strip() + "\n"


def _fill(place: tomlkit.TOMLDocument | Table, model: BaseModel) -> None:
    """Explain a model in a comment, then add its fields, tables last."""
    _explain(place, type(model).__doc__)
    place.add(tomlkit.nl())
    tables: dict[str, BaseModel | tuple[BaseModel, ...]] = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel) or (isinstance(value, tuple) and value and isinstance(value[0], BaseModel)):
            tables[name] = value
        else:
            _add_field(place, name, field, value)
    place.add(tomlkit.nl())
    for name, content in tables.items():
        if isinstance(content, BaseModel):
            place.add(name, _table(content))
        else:
            array = tomlkit.aot()
            for each in content:
                array.append(_table(each))
            place.add(name, array)


def _table(model: BaseModel) -> Table:
    table = tomlkit.table()
    _fill(table, model)
    return table


def _add_field(place: tomlkit.TOMLDocument | Table, name: str, field: FieldInfo, value: Any) -> None:
    _explain(place, field.description)
    if value is not None:
        place.add(name, _item(value))
    else:
        example = _item(field.examples[0]).as_string() if field.examples else "..."
        place.add(Comment(Trivia(comment=f"#{name} = {example}")))


def _explain(place: tomlkit.TOMLDocument | Table, text: str | None) -> None:
    """Add the first paragraph of a text as a comment."""
    first_paragraph = " ".join((text or "").split("\n\n")[0].split())
    for line in textwrap.wrap(first_paragraph, _WIDTH - len("# ")):
        place.add(tomlkit.comment(line))


def _item(value: Any) -> Item:
    """Return a value as TOML, on one line."""
    match value:
        case dict():
            inline = tomlkit.inline_table()
            for key, each in value.items():
                inline.append(key, _item(each))
            return inline
        case list() | tuple():
            array = tomlkit.array()
            array.extend(map(_item, value))
            return array
        case Path():
            return tomlkit.item(str(value))
    return tomlkit.item(value)
