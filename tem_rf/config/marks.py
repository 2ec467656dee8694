"""Marks on the fields of settings and requests. They control how the command line, forms and signatures show them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator


class Unset(Enum):
    """Type of `UNSET`, the value of a setting that takes its value from a recipe or preset."""

    UNSET = "as the recipe or preset has it"

    def __repr__(self) -> str:
        return self.name


UNSET: Final = Unset.UNSET


@dataclass(frozen=True)
class Group:
    """Marks a field of a request that holds a settings model.

    Attributes:
        build: Builds the model from the settings that were given, by name.
        presets: Settings of the request that give the others their defaults, such as `recipe`; passed to `build`, too.
        only: Fields of the model that are settings of the request; default: all except the presets.
        basic: Those of them that most users change; the others are advanced.
        names: Name of a field in the request, if it differs from the name in the model.
    """

    build: Callable[..., BaseModel]
    presets: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    basic: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Positional:
    """Marks a setting that is a positional argument on the command line.

    Attributes:
        metavar: Its name in the help; default: the name of the setting in capitals.
    """

    metavar: str | None = None


@dataclass(frozen=True)
class Existing:
    """Marks a path, or several, to something that a job reads; forms check that it exists before they start the job."""


@dataclass(frozen=True)
class Flags:
    """Marks a setting with additional names on the command line.

    Attributes:
        names: Those names, the one used in messages first: words, or single letters.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True)
class Choices:
    """Marks a text setting that takes one of a list of values known only at run time."""

    values: tuple[str, ...]

    def __init__(self, values: Sequence[str]) -> None:
        object.__setattr__(self, "values", tuple(values))


class Commas:
    """Marks a setting that takes several values, separated by commas in one argument on the command line."""


class Advanced:
    """Marks a setting that most users leave at its default: listed separately in the help, hidden in forms at first."""


ADVANCED: Final = Advanced()


def split_values(value: Any) -> Any:
    """Read `n2-p22,n2-p44` as a list; a single value is a list of one."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value if isinstance(value, list | tuple) else (value,)


SEVERAL: Final = (BeforeValidator(split_values), Commas())
"""Marks of a tuple that may be given as text, separated by commas: `Annotated[tuple[int, ...], *SEVERAL]`."""
SeveralWords = Annotated[tuple[str, ...], *SEVERAL]
SeveralNumbers = Annotated[tuple[int, ...], *SEVERAL]
