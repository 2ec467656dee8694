"""Requests for jobs: settings, each declared once, from which options, forms and signatures are generated.

A request is a pydantic model. Its fields are settings or groups of settings. A group is a model of `tem_rf.config`
marked with `Group`; its fields count as settings of the request, so every setting has one flat name:

>>> from tem_rf.jobs.train import TrainRequest
>>> request = TrainRequest.build(dataset="datasets/au-5nm", recipe="paper", epochs=150, blur_px=2)
>>> request.training.epochs, request.training.batch_size, request.augmentation.blur_px
(150, 32, 2.0)
>>> list(request.changes())
['dataset', 'recipe', 'epochs', 'blur_px']
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tem_rf.config.marks import UNSET, Advanced, Choices, Commas, Existing, Flags, Group, Positional
from tem_rf.config.training import settings_error
from tem_rf.errors import SettingsError, TemRfError


@dataclass(frozen=True)
class Setting:
    """One setting of a request, from which an option, a form field or an argument is generated.

    Attributes:
        name: Its name, everywhere.
        about: Its pydantic field: annotation, default, range.
        group: Field of the request that contains it; None for the request itself.
        field: Its name in the group.
        start: Its value if no settings are given.
        is_preset_dependent: Whether its default depends on a recipe or preset.
        is_advanced: Whether most users leave it unchanged.
    """

    name: str
    about: FieldInfo
    group: str | None = None
    field: str = ""
    start: Any = None
    is_preset_dependent: bool = False
    is_advanced: bool = False

    @property
    def annotation(self) -> Any:
        """Its Python type, without pydantic's constraints."""
        return self.about.annotation

    @property
    def help(self) -> str:
        """Its description, with its unit in brackets."""
        return self.about.description or ""

    @property
    def unit(self) -> str | None:
        """Its unit, which its description gives in brackets: nm, px, s."""
        _, bracket, rest = self.help.partition("[")
        return rest.partition("]")[0] if bracket else None

    @property
    def default(self) -> Any:
        """Its default; `UNSET` if a recipe or preset determines it."""
        return UNSET if self.is_preset_dependent else self.own_default

    @property
    def own_default(self) -> Any:
        """Its default in the model that declares it."""
        return ... if self.about.is_required() else self.about.get_default(call_default_factory=True)

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self.about.is_required()

    @property
    def positional(self) -> Positional | None:
        """How the command line takes it as an argument; None if it is an option."""
        return next((mark for mark in self.about.metadata if isinstance(mark, Positional)), None)

    @property
    def flags(self) -> tuple[str, ...]:
        """Its flags on the command line; the first is the one used in messages."""
        names = next((mark.names for mark in self.about.metadata if isinstance(mark, Flags)), ())
        in_order = dict.fromkeys((*names, self.name))
        return tuple(f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}" for name in in_order)

    @property
    def choices(self) -> tuple[str, ...]:
        """The values it may have, if they are listed."""
        for mark in self.about.metadata:
            if isinstance(mark, Choices):
                return mark.values
        plain = self.plain_type
        return tuple(map(str, get_args(plain))) if get_origin(plain) is Literal else ()

    @property
    def is_optional(self) -> bool:
        """Whether it may be None."""
        return type(None) in get_args(self.annotation)

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return self.plain_type is bool

    @property
    def is_path(self) -> bool:
        """Whether it takes a path, or several."""
        return Path in (self.plain_type, *get_args(self.plain_type)[:1])

    @property
    def must_exist(self) -> bool:
        """Whether it takes the path of something that the job reads."""
        return any(isinstance(mark, Existing) for mark in self.about.metadata)

    @property
    def is_list(self) -> bool:
        """Whether it takes any number of values, given as separate words or as one word separated by commas."""
        origin = get_origin(self.plain_type)
        return origin in (list, dict) or (origin is tuple and get_args(self.plain_type)[-1] is Ellipsis)

    @property
    def has_commas(self) -> bool:
        """Whether the command line takes its values as one word, separated by commas."""
        return any(isinstance(mark, Commas) for mark in self.about.metadata)

    @property
    def plain_type(self) -> Any:
        """Its type without None."""
        return _without_none(self.annotation)

    def check(self, value: Any) -> str:
        """Return what is wrong with a value by itself; empty if it is valid."""
        try:
            TypeAdapter(Annotated[self.annotation, self.about]).validate_python(value)
        except ValidationError as error:
            return re.sub(r"^(settings|[\d.]+): ", "", str(settings_error(error)))  # the index in a list is obvious
        except TemRfError as error:
            return str(error)
        return ""


class Request(BaseModel):
    """Base class of requests for a job."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)

    command: ClassVar[tuple[str, ...]] = ()
    """Words of the command that does the job: ("data", "fetch")."""

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """Return its settings by name, in order; groups are replaced by their settings."""
        return _settings(cls)

    @classmethod
    def presets(cls) -> tuple[str, ...]:
        """Return the settings that determine the defaults of others, such as `recipe`."""
        groups = filter(None, map(_group, cls.model_fields.values()))
        return tuple(dict.fromkeys(preset for group in groups for preset in group.presets))

    @classmethod
    def defaults(cls, **presets: Any) -> dict[str, Any]:
        """Return the default of each setting; `...` if it must be given.

        Args:
            presets: The chosen recipe or preset, if not the default.

        >>> from tem_rf.jobs.train import TrainRequest
        >>> TrainRequest.defaults(recipe="paper")["batch_size"], TrainRequest.defaults()["dataset"]
        (32, Ellipsis)
        """
        values = {name: one.own_default for name, one in cls.settings().items() if one.group is None}
        chosen = {name: values[name] for name in cls.presets()} | presets
        groups = {name: group for name, about in cls.model_fields.items() if (group := _group(about))}
        models = {name: one.build(**{preset: chosen[preset] for preset in one.presets}) for name, one in groups.items()}
        return {
            name: values[name] if one.group is None else getattr(models[one.group], one.field)
            for name, one in cls.settings().items()
        }

    @classmethod
    def build(cls, **given: Any) -> Self:
        """Make a request from settings by their flat names; `UNSET` counts as not given.

        Raises:
            SettingsError: A setting is unknown, missing or out of range, or two contradict each other.
        """
        given = {name: value for name, value in given.items() if value is not UNSET}
        known = cls.settings()
        for name in given:
            if name not in known:
                raise SettingsError(f"`{name}`: no such setting; expected one of {', '.join(known)}.")
        fields: dict[str, Any] = {}
        for name, about in cls.model_fields.items():
            group = _group(about)
            if group is None:
                if name in given:
                    fields[name] = given[name]
                continue
            of_group = {one.field: given[one.name] for one in known.values() if one.group == name and one.name in given}
            of_group |= {preset: given[preset] for preset in group.presets if preset in given}
            fields[name] = _built(group, of_group)
        try:
            return cls(**fields)
        except ValidationError as error:
            raise settings_error(error, cls) from error

    @classmethod
    def problems(cls, given: Mapping[str, Any]) -> dict[str, str]:
        """Return the errors in partly filled-in settings, by setting name; empty if a request can be built."""
        wrong = {name: text for name, value in given.items() if (text := cls.settings()[name].check(value))}
        if wrong:
            return wrong
        try:
            cls.build(**given)
        except TemRfError as error:
            name, colon, text = str(error).partition(": ")
            return {name.strip("`"): text} if colon and name.strip("`") in cls.settings() else {"": str(error)}
        return {}

    def values(self) -> dict[str, Any]:
        """Return the value of each setting by its flat name."""
        return {
            name: getattr(self, name) if setting.group is None else getattr(getattr(self, setting.group), setting.field)
            for name, setting in self.settings().items()
        }

    def changes(self) -> dict[str, Any]:
        """Return the settings that differ from the defaults of the request, recipe or preset."""
        values = self.values()
        changed: dict[str, Any] = {}
        for name, setting in self.settings().items():
            if setting.group is None or not setting.is_preset_dependent:
                default = setting.own_default
            else:
                default = getattr(self._as_preset(setting.group), setting.field)
            if values[name] != default:
                changed[name] = values[name]
        return changed

    def arguments(self) -> list[str]:
        """Return the equivalent command-line arguments, without `tem-rf` and the command."""
        known, changed = self.settings(), self.changes()
        words: list[str] = []
        for name in sorted(changed, key=lambda name: known[name].positional is None):
            setting, value = known[name], changed[name]
            texts = _as_texts(setting, value)
            if setting.positional:
                words += texts
            elif setting.is_switch:
                words.append(setting.flags[0] if value else f"--no-{setting.flags[0].removeprefix('--')}")
            else:
                words += [word for text in texts for word in (setting.flags[0], text)]
        return words

    def command_line(self) -> list[str]:
        """Return the equivalent command line, without `tem-rf`."""
        return [*self.command, *self.arguments()]

    def _as_preset(self, group: str) -> BaseModel:
        about = _group(type(self).model_fields[group])
        assert about is not None
        return about.build(**{preset: getattr(self, preset) for preset in about.presets})


@cache
def _settings(request: type[Request]) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for name, about in request.model_fields.items():
        group = _group(about)
        if group is None:
            start = None if about.is_required() else about.get_default(call_default_factory=True)
            found[name] = Setting(name, about, start=start, is_advanced=_is_marked_advanced(about))
            continue
        inner: dict[str, FieldInfo] = about.annotation.model_fields  # type: ignore[union-attr]
        start = group.build()
        for one in group.only or inner:
            called = group.names.get(one, one)
            if called in group.presets:
                continue
            if called in found:
                raise TypeError(f"{request.__name__}: {called} is declared twice")
            found[called] = Setting(
                called,
                inner[one],
                name,
                one,
                getattr(start, one),
                is_preset_dependent=bool(group.presets),
                is_advanced=one not in group.basic,
            )
    return found


def _built(group: Group, given: dict[str, Any]) -> Any:
    """Build a group; its errors call the settings by their names in the request."""
    try:
        return group.build(**given)
    except SettingsError as error:
        text = re.sub(r"^`(\w+)`", lambda match: f"`{group.names.get(match[1], match[1])}`", str(error))
        raise SettingsError(text) from error


def _is_marked_advanced(about: FieldInfo) -> bool:
    return any(isinstance(mark, Advanced) for mark in about.metadata)


def _group(about: FieldInfo) -> Group | None:
    return next((mark for mark in about.metadata if isinstance(mark, Group)), None)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        kept = [part for part in get_args(annotation) if part is not type(None)]
        return _plain(kept[0]) if len(kept) == 1 else annotation
    return _plain(annotation)


def _plain(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _as_texts(setting: Setting, value: Any) -> list[str]:
    """Return a value as words of the command line: one, or one per repetition of its flag."""
    if value is None:
        return ["0"]  # off; a setting that may be both 0 and None has None as its default
    if isinstance(value, dict):
        pairs = [f"{key}={one}" for key, one in value.items()]
        return [",".join(pairs)] if setting.has_commas else pairs
    if setting.is_list and not setting.has_commas:
        return [str(one) for one in value]
    if isinstance(value, tuple | list):
        return [("," if setting.is_list else ":").join(map(str, value))]
    return [str(value)]
