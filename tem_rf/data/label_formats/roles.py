"""Which values, colours, classes or channels of a label are particle, background or neither, as the settings say."""

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from tem_rf.config.reading import ReadingSettings

Role = Literal["particle", "background", "not sure"]
Key = TypeVar("Key", bound=Hashable)

OPTIONS = "`particle`, `background` and `not_sure` say which is which"


@dataclass(frozen=True)
class Roles:
    """What the user said of the values of labels.

    Attributes:
        particle: What is particle, as text.
        background: What is background.
        not_sure: What is neither.
    """

    particle: tuple[str, ...] = field(default=())
    background: tuple[str, ...] = field(default=())
    not_sure: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, reading: ReadingSettings) -> "Roles":
        """Those of the settings."""
        return cls(*(_split(text) for text in (reading.particle, reading.background, reading.not_sure)))

    @property
    def say_particle(self) -> bool:
        """Whether particle or background was named, so that the others follow."""
        return bool(self.particle or self.background)

    def assign(self, keys: Sequence[Key], parse: Callable[[str], Key | None]) -> dict[Key, Role]:
        """Roles of the keys that the user decided; of all of them where particle or background was named.

        Args:
            keys: Values, colours, classes or channels of a label.
            parse: Reads what the user wrote as such a key; None where it is none.
        """
        named: dict[Key, Role] = {}
        every: tuple[tuple[Role, tuple[str, ...]], ...] = (
            ("background", self.background),
            ("particle", self.particle),
            ("not sure", self.not_sure),
        )
        for role, texts in every:
            named |= {key: role for key in map(parse, texts) if key is not None}
        others: Role = "background" if self.particle else "particle"
        return {key: named.get(key, others) for key in keys if key in named or self.say_particle}


def _split(text: str | None) -> tuple[str, ...]:
    """At commas outside of parentheses, which colours such as rgb(255, 0, 0) have."""
    parts = re.split(r",(?![^(]*\))", text or "")
    return tuple(part.strip() for part in parts if part.strip())
