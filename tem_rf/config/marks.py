"""Marks on the fields of settings and requests: how the command line, forms and signatures present them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator


class Unset(Enum):
    """Type of `UNSET`, the value of a setting that is left to a recipe or preset."""

    UNSET = "as the recipe or preset has it"

    def __repr__(self) -> str:
        return self.name


UNSET: Final = Unset.UNSET


@dataclass(frozen=True)
class Group:
    """Marks a field of a request that holds a model of settings.

    Attributes:
        build: Makes the model from the settings that were given, by name.
        presets: Settings of the request whose values the others start from, such as `recipe`; `build` takes them, too.
        only: Fields of the model that are settings of the request; default: all but the presets.
        basic: Those of them that most users change; the others are advanced.
        names: What the request calls a field, where that is not the name of the field.
    """

    build: Callable[..., BaseModel]
    presets: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    basic: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Positional:
    """Marks a setting that the command line takes without a flag.

    Attributes:
        metavar: What the help calls it; default: the name of the setting in capitals.
    """

    metavar: str | None = None


@dataclass(frozen=True)
class Flags:
    """Marks a setting that the command line knows by other names, too.

    Attributes:
        names: Those names, the one for messages first: words, or single letters.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True)
class Choices:
    """Marks a text setting that takes one of a list known only at run time."""

    values: tuple[str, ...]

    def __init__(self, values: Sequence[str]) -> None:
        object.__setattr__(self, "values", tuple(values))


class Commas:
    """Marks a setting of several values that the command line takes in one word, with commas between."""


class Advanced:
    """Marks a setting that most users leave as it is: listed apart in the help, hidden at first in forms."""


ADVANCED: Final = Advanced()


def _split(value: Any) -> Any:
    """Read `n2-p22,n2-p44` as a list; a single value is a list of one."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value if isinstance(value, list | tuple) else (value,)


SEVERAL: Final = (BeforeValidator(_split), Commas())
"""Marks of a tuple that may be given as one text with commas: `Annotated[tuple[int, ...], *SEVERAL]`."""
SeveralWords = Annotated[tuple[str, ...], *SEVERAL]
SeveralNumbers = Annotated[tuple[int, ...], *SEVERAL]
