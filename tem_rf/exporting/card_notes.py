"""Information that the author of a model adds to its card, in addition to that from the run."""

from dataclasses import dataclass, fields, replace
from typing import Any

from tem_rf.inference.card import HeldOutScores, ModelCard, SeedScores


@dataclass(frozen=True)
class CardNotes:
    """Fields of the card of the same names.

    Attributes:
        authors: Authors of the model.
        license: SPDX identifier of the license of the model.
        purpose: Purpose of the model, in one sentence.
        limits: What it was not trained for, or is known to get wrong.
        made_by: Command that produced the model.
        seeds: The runs from which the network was selected.
        held_out: Scores on micrographs outside the dataset.
    """

    authors: tuple[str, ...] = ()
    license: str | None = None
    purpose: str | None = None
    limits: tuple[str, ...] = ()
    made_by: str | None = None
    seeds: tuple[SeedScores, ...] = ()
    held_out: tuple[HeldOutScores, ...] = ()

    def to_card(self) -> dict[str, Any]:
        """Return the fields of the card."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def or_before(self, before: ModelCard) -> "CardNotes":
        """Fill in missing notes from an earlier card, except its scores, which belong to another run."""
        kept = ("authors", "license", "purpose", "limits", "made_by")
        return replace(self, **{name: getattr(self, name) or getattr(before, name) for name in kept})


NO_NOTES = CardNotes()
