"""Tables of the fields of Pydantic models: settings, events and files."""

import types
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.reference_pages.markdown import code, prose, section, table

_BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def model_section(model: type[BaseModel], title: str, level: int = 2, *, without: Collection[str] = ()) -> str:
    """Return title, docstring and fields of a model: name, type, default, meaning.

    Args:
        model: The model.
        title: Title of the section.
        level: Level of its heading.
        without: Fields to leave out.
    """
    rows = [
        (code(name), _takes(field), _default(field), field.description)
        for name, field in model.model_fields.items()
        if name not in without
    ]
    columns = ("field", "type", "default", "meaning")
    return "\n\n".join([section(level, title), prose(model.__doc__ or ""), table(columns, rows)])


def _takes(field: FieldInfo) -> str:
    bounds = [
        f"{sign}\u00a0{getattr(limit, bound):g}"
        for limit in field.metadata
        for bound, sign in _BOUNDS.items()
        if getattr(limit, bound, None) is not None
    ]
    return ", ".join([_type(field.annotation), *bounds])


def _type(annotation: Any) -> str:
    """Name a type as in JSON and TOML."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return " or ".join(code(str(choice)) for choice in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys("null" if one is type(None) else _type(one) for one in arguments))
    if origin in (list, tuple):
        members = [one for one in arguments if one is not Ellipsis]
        return f"list of {' and '.join(dict.fromkeys(map(_type, members)))}"
    if origin is dict:
        return "table"
    names = {int: "whole number", float: "number", str: "text", bool: "true or false", Path: "path"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if field.default_factory is not None or isinstance(value, BaseModel) or value is None:
        return ""
    if isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
        return ""
    return code(", ".join(map(str, value)) if isinstance(value, tuple) else str(value))
