"""A definition as TOML that says of every field what it means, to be read and changed by hand."""

import json
import textwrap
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tem_rf.study.definition.definition import StudyDefinition

_WIDTH = 100


def definition_text(definition: StudyDefinition) -> str:
    """Write a definition as TOML; `read_definition` reads it back.

    A field that is not set stands there with an example, as a comment.
    """
    return "\n".join([_comment(StudyDefinition.__doc__ or ""), "", *_fields(definition, "")]).rstrip() + "\n"


def _fields(model: BaseModel, prefix: str) -> list[str]:
    lines: list[str] = []
    tables: list[str] = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            tables += _table(f"[{prefix}{name}]", value, f"{prefix}{name}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            for each in value:
                tables += _table(f"[[{prefix}{name}]]", each, f"{prefix}{name}.")
        else:
            lines += _field(name, field, value)
    return [*lines, "", *tables]


def _table(header: str, model: BaseModel, prefix: str) -> list[str]:
    return [_comment(type(model).__doc__ or ""), header, *_fields(model, prefix)]


def _field(name: str, field: FieldInfo, value: Any) -> list[str]:
    comment = _comment(field.description or "")
    if value is not None:
        return [comment, f"{name} = {_value(value)}"]
    return [comment, f"#{name} = {_value(field.examples[0]) if field.examples else '...'}"]


def _comment(text: str) -> str:
    first_paragraph = " ".join(text.split("\n\n")[0].split())
    return textwrap.fill(first_paragraph, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{" + ", ".join(f"{_value(key)} = {_value(each)}" for key, each in value.items()) + "}"
        case Path() | str():
            # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    raise TypeError(f"{value!r} has no place in a definition")
