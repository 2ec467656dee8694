"""The result of one check of `tem-rf doctor`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        name: What was checked.
        state: `ok`; `note` if something optional is missing or limited; `broken` if tem-rf cannot work like this.
        found: What was found.
        advice: What to do; empty if nothing needs doing.
    """

    name: str
    state: Literal["ok", "note", "broken"]
    found: str
    advice: str = ""
