"""Which values, colours, classes or channels of a label are particle, background or neither, by the settings."""

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from tem_rf.config.reading import ReadingSettings

Role = Literal["particle", "background", "not sure", "complete"]
Key = TypeVar("Key", bound=Hashable)

OPTIONS = "specify them with `particle`, `background` and `not_sure`"


@dataclass(frozen=True)
class Roles:
    """The user's roles of label values.

    Attributes:
        particle: Values that are particle, as text.
        background: Values that are background.
        not_sure: Values that are neither.
        complete: Classes of regions within which every particle is labelled.
    """

    particle: tuple[str, ...] = field(default=())
    background: tuple[str, ...] = field(default=())
    not_sure: tuple[str, ...] = field(default=())
    complete: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, reading: ReadingSettings) -> "Roles":
        """The roles from the settings."""
        texts = (reading.particle, reading.background, reading.not_sure, reading.complete_area)
        return cls(*map(_split, texts))

    @property
    def say_particle(self) -> bool:
        """Whether particle or background was given, which determines all other values."""
        return bool(self.particle or self.background)

    def assign(self, keys: Sequence[Key], parse: Callable[[str], Key | None]) -> dict[Key, Role]:
        """Roles of the keys that the user assigned; of all keys if particle or background was given.

        Args:
            keys: Values, colours, classes or channels of a label.
            parse: Converts the user's text to such a key; None if it is not one.
        """
        named: dict[Key, Role] = {}
        every: tuple[tuple[Role, tuple[str, ...]], ...] = (
            ("background", self.background),
            ("particle", self.particle),
            ("not sure", self.not_sure),
            ("complete", self.complete),
        )
        for role, texts in every:
            named |= {key: role for key in map(parse, texts) if key is not None}
        others: Role = "background" if self.particle else "particle"
        return {key: named.get(key, others) for key in keys if key in named or self.say_particle}


def _split(text: str | None) -> tuple[str, ...]:
    """Split at commas outside parentheses, since colours such as rgb(255, 0, 0) contain commas."""
    parts = re.split(r",(?![^(]*\))", text or "")
    return tuple(part.strip() for part in parts if part.strip())
