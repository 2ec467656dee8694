"""What a job is asked for: settings, each declared once, from which options, forms and signatures are made.

A request is a pydantic model. Its fields are settings, or groups of settings: a model of `tem_rf.config` marked with
`Group`, whose fields count as settings of the request. So every setting has one flat name:

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
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tem_rf.config.marks import UNSET, Advanced, Choices, Commas, Flags, Group, Positional
from tem_rf.config.training import settings_error
from tem_rf.errors import SettingsError, TemRfError


@dataclass(frozen=True)
class Setting:
    """One setting of a request, for whoever makes an option, a field of a form or an argument of it.

    Attributes:
        name: Its name, everywhere.
        about: How pydantic knows it: annotation, default, range.
        group: Field of the request that holds it; None: the request itself.
        field: Its name in the group.
        start: Its value where nothing at all is given.
        is_preset_dependent: Whether it is left to a recipe or preset unless given.
        is_advanced: Whether most users leave it as it is.
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
        """What it means, with its unit in brackets."""
        return self.about.description or ""

    @property
    def unit(self) -> str | None:
        """Its unit, as its description has it in brackets: nm, px, s."""
        _, bracket, rest = self.help.partition("[")
        return rest.partition("]")[0] if bracket else None

    @property
    def default(self) -> Any:
        """Its value unless given; `UNSET` where a recipe or preset decides."""
        return UNSET if self.is_preset_dependent else self.own_default

    @property
    def own_default(self) -> Any:
        """Its value unless given, in the model that declares it."""
        return ... if self.about.is_required() else self.about.get_default(call_default_factory=True)

    @property
    def is_required(self) -> bool:
        """Whether it has to be given."""
        return self.about.is_required()

    @property
    def positional(self) -> Positional | None:
        """How the command line takes it without a flag; None: with one."""
        return next((mark for mark in self.about.metadata if isinstance(mark, Positional)), None)

    @property
    def flags(self) -> tuple[str, ...]:
        """Its flags on the command line, the one for messages first."""
        names = next((mark.names for mark in self.about.metadata if isinstance(mark, Flags)), ())
        in_order = dict.fromkeys((*names, self.name))
        return tuple(f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}" for name in in_order)

    @property
    def choices(self) -> tuple[str, ...]:
        """The values it may have, where they are a list."""
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
    def is_list(self) -> bool:
        """Whether it takes any number of values, each a word of the command line or all in one with commas."""
        origin = get_origin(self.plain_type)
        return origin in (list, dict) or (origin is tuple and get_args(self.plain_type)[-1] is Ellipsis)

    @property
    def has_commas(self) -> bool:
        """Whether the command line takes its values in one word with commas between."""
        return any(isinstance(mark, Commas) for mark in self.about.metadata)

    @property
    def plain_type(self) -> Any:
        """Its type without None."""
        return _without_none(self.annotation)

    def check(self, value: Any) -> str:
        """What is wrong with a value on its own; empty: nothing."""
        try:
            TypeAdapter(Annotated[self.annotation, self.about]).validate_python(value)
        except ValidationError as error:
            return re.sub(r"^(settings|[\d.]+): ", "", str(settings_error(error)))  # the place in a list is seen
        except TemRfError as error:
            return str(error)
        return ""


class Request(BaseModel):
    """What a job is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)

    command: ClassVar[tuple[str, ...]] = ()
    """Words of the command line that does the job: ("data", "fetch")."""

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """Its settings by name, those of groups in place of the group, in order."""
        return _settings(cls)

    @classmethod
    def presets(cls) -> tuple[str, ...]:
        """The settings that others take their defaults from, such as `recipe`."""
        groups = filter(None, map(_group, cls.model_fields.values()))
        return tuple(dict.fromkeys(preset for group in groups for preset in group.presets))

    @classmethod
    def defaults(cls, **presets: Any) -> dict[str, Any]:
        """The value of each setting unless given; `...` where it must be.

        Args:
            presets: The recipe or preset that is chosen; default: its default.

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
        """Make a request from settings by their flat names; what is `UNSET` is as if it were not given.

        Raises:
            SettingsError: An unknown setting, one that is missing or out of range, or two that contradict each other.
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
            fields[name] = group.build(**of_group)
        try:
            return cls(**fields)
        except ValidationError as error:
            raise settings_error(error, cls) from error

    @classmethod
    def problems(cls, given: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with settings that somebody is filling in, by their names; empty: a request can be built."""
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
        """The value of each setting, by its flat name."""
        return {
            name: getattr(self, name) if setting.group is None else getattr(getattr(self, setting.group), setting.field)
            for name, setting in self.settings().items()
        }

    def changes(self) -> dict[str, Any]:
        """The settings that differ from their defaults, or from those of the recipe or preset."""
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
        """The command line that asks for the same, without `tem-rf` and the command."""
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
        """The words behind `tem-rf` that do the job."""
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
    """A value as words of the command line: one, or one for each time that its flag is repeated."""
    if value is None:
        return ["0"]  # what is off; a setting that may be 0 and None has None as its default
    if isinstance(value, dict):
        return [f"{key}={one}" for key, one in value.items()]
    if setting.is_list and not setting.has_commas:
        return [str(one) for one in value]
    if isinstance(value, tuple | list):
        return [("," if setting.is_list else ":").join(map(str, value))]
    return [str(value)]
