"""A form built from typed settings: a field per setting, checked with every key."""

from collections.abc import Sequence
from types import UnionType
from typing import Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Checkbox, Input, Label, Select

from tem_rf.errors import TemRfError
from tem_rf_tui.widgets.field_help import FieldHelp

_PLAIN_WORDS = {
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "may hold letters, digits and . _ + - only",
}

Settings = TypeVar("Settings", bound=BaseModel)


class SettingsForm(VerticalScroll, Generic[Settings]):
    """Fields of a pydantic model; those that are models themselves keep their values.

    Args:
        start: The settings to start from.
        only: Names of the fields to show, in this order; default: all.
        leave_out: Names of fields not to show.
    """

    class Changed(Message):
        """A field was changed."""

    def __init__(
        self, start: Settings, *, only: Sequence[str] = (), leave_out: Sequence[str] = (), id: str | None = None
    ) -> None:
        super().__init__(id=id, can_focus=False)
        self._start = start
        fields = type(start).model_fields
        self._names = [name for name in only or fields if name not in leave_out and _is_plain(fields[name])]

    def compose(self) -> ComposeResult:
        for name in self._names:
            about = type(self._start).model_fields[name]
            with Horizontal(classes="field"):
                yield Label(name.replace("_", " "), classes="field-name")
                yield self._field(name, about)
                yield FieldHelp(about.description or "", id=f"help-{name}")

    @property
    def settings(self) -> Settings | None:
        """What the fields say; None while something is wrong with it, which then stands beside the field."""
        found, _ = self._check()
        return found

    @property
    def problem(self) -> str:
        """What is wrong, with the name of the field; empty where nothing is."""
        _, problems = self._check()
        return "; ".join(f"{name.replace('_', ' ')}: {problem}" for name, problem in problems.items())

    @property
    def changes(self) -> dict[str, Any]:
        """The shown settings that differ from what the form started with, as JSON types."""
        settings = self.settings
        if settings is None:
            return {}
        before, now = self._start.model_dump(mode="json"), settings.model_dump(mode="json")
        return {name: now[name] for name in self._names if now[name] != before[name]}

    def fill(self, settings: Settings) -> None:
        """Put other values into the fields, such as those of a recipe."""
        for name in self._names:
            value = getattr(settings, name)
            field = self.query_one(f"#field-{name}")
            if isinstance(field, Input):
                field.value = _as_text(value)
            elif isinstance(field, Select | Checkbox):
                field.value = value

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check what was typed."""
        event.stop()
        self._tell()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Check what was chosen."""
        event.stop()
        self._tell()

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        """Check what was ticked."""
        event.stop()
        self._tell()

    def _field(self, name: str, about: FieldInfo) -> Input | Select[str] | Checkbox:
        value, choices = getattr(self._start, name), _choices(about)
        if choices:
            options = [(str(choice), choice) for choice in choices]
            return Select(options, value=value, allow_blank=False, compact=True, id=f"field-{name}")
        if about.annotation is bool:
            return Checkbox(value=value, compact=True, id=f"field-{name}")
        placeholder = "none" if type(None) in get_args(about.annotation) else ""
        return Input(_as_text(value), compact=True, placeholder=placeholder, id=f"field-{name}")

    def _tell(self) -> None:
        _, problems = self._check()
        for name in self._names:
            self.query_one(f"#help-{name}", FieldHelp).show_problem(problems.get(name, ""))
        self.post_message(self.Changed())

    def _check(self) -> tuple[Settings | None, dict[str, str]]:
        values = self._start.model_dump() | {name: self._value(name) for name in self._names}
        try:
            return type(self._start).model_validate(values), {}
        except ValidationError as error:
            return None, {
                str(one["loc"][0]) if one["loc"] else self._names[0]: _in_words(one) for one in error.errors()
            }
        except TemRfError as error:  # settings that contradict each other say so with the name of the first
            name = str(error).partition(":")[0]
            return None, {name if name in self._names else self._names[0]: str(error)}

    def _value(self, name: str) -> Any:
        field = self.query_one(f"#field-{name}")
        if isinstance(field, Input):
            text = field.value.strip()
            is_optional = type(None) in get_args(type(self._start).model_fields[name].annotation)
            return None if is_optional and text in ("", "none") else text
        assert isinstance(field, Select | Checkbox)
        return field.value


def _choices(about: FieldInfo) -> Sequence[str]:
    """Choices of a `Literal`, or those a field lists in its schema because they are only known at run time."""
    if isinstance(about.json_schema_extra, dict) and isinstance(about.json_schema_extra.get("enum"), list):
        return cast("list[str]", about.json_schema_extra["enum"])
    return get_args(about.annotation) if get_origin(about.annotation) is Literal else ()


def _in_words(problem: ErrorDetails) -> str:
    """What pydantic says, to someone who fills in a form."""
    return _PLAIN_WORDS.get(problem["type"], problem["msg"].replace("Input should be", "must be"))


def _is_plain(about: FieldInfo) -> bool:
    annotation = about.annotation
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return not any(isinstance(part, type) and issubclass(part, BaseModel) for part in parts)


def _as_text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ":".join(map(str, value))
    return "" if value is None else str(value)
