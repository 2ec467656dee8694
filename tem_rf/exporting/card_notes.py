"""What the maker of a model adds to its card, beyond what the run says."""

from dataclasses import dataclass, fields, replace
from typing import Any

from tem_rf.inference.card import HeldOutScores, ModelCard, SeedScores


@dataclass(frozen=True)
class CardNotes:
    """Fields of the card by the same names.

    Attributes:
        authors: Who made the model.
        license: SPDX name of the license under which it is given away.
        purpose: What it is for, in a sentence.
        limits: What it was not trained for, or is known to get wrong.
        made_by: The command that made it.
        seeds: The runs among which the network was chosen.
        held_out: Scores on micrographs that are no part of the dataset.
    """

    authors: tuple[str, ...] = ()
    license: str | None = None
    purpose: str | None = None
    limits: tuple[str, ...] = ()
    made_by: str | None = None
    seeds: tuple[SeedScores, ...] = ()
    held_out: tuple[HeldOutScores, ...] = ()

    def to_card(self) -> dict[str, Any]:
        """Fields of the card."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def or_before(self, before: ModelCard) -> "CardNotes":
        """These, and where the maker says nothing what an earlier card says; not its scores, which another run made."""
        kept = ("authors", "license", "purpose", "limits", "made_by")
        return replace(self, **{name: getattr(self, name) or getattr(before, name) for name in kept})


NO_NOTES = CardNotes()
