"""Recommend a range of receptive fields to search, with the evidence for it."""

from dataclasses import dataclass
from typing import Literal

from tem_rf.architecture.architecture import Architecture
from tem_rf.errors import SettingsError

Basis = Literal["measured", "study", "rule"]

HIGH_CONTRAST = 0.9  # fraction of pixel pairs that brightness separates; our choice, not the study's
NO_GAIN = 0.01  # in dice: about the spread between seeds
# Nine N = 2 networks on 5 nm gold at 0.02152 nm/px: dice stops rising between 104 and 200 px.
STUDY_PLATEAU_PARTICLES = (104 * 0.02152 / 5, 200 * 0.02152 / 5)


@dataclass(frozen=True)
class Result:
    """Score of an architecture on the dataset.

    Attributes:
        architecture: The architecture.
        hard_dice: Best validation hard dice, one per finished run.
    """

    architecture: Architecture
    hard_dice: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over runs."""
        return sum(self.hard_dice) / len(self.hard_dice)

    @property
    def size_px(self) -> float:
        """Mean exact width of the field [px]; infinite if it is the whole image."""
        size_px = self.architecture.receptive_field.size_px
        return float("inf") if size_px is None else size_px.mean


@dataclass(frozen=True)
class Evidence:
    """Known properties of a dataset.

    Attributes:
        patch_size: Patch size [px].
        pixel_size_nm: Pixel size [nm]; None: not known.
        separability: Fraction of pairs of a particle and a background pixel that brightness separates, 0.5 to 1.
        diameter_px: Median diameter of the particles [px]; None: no complete particle in the patches.
        results: Finished runs on the dataset.
    """

    patch_size: int
    pixel_size_nm: float | None
    separability: float
    diameter_px: float | None
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Statement:
    """One sentence of advice.

    Attributes:
        text: The sentence.
        basis: Measured on this data, a finding of the study on its own data, or a rule of ours.
    """

    text: str
    basis: Basis


@dataclass(frozen=True)
class Advice:
    """A recommended range of the mean exact field [px], with reasons."""

    low_px: int
    high_px: int
    statements: tuple[Statement, ...]


def advise(evidence: Evidence) -> Advice:
    """Recommend a range of receptive fields to search.

    Runs on the data decide if their fields differ; otherwise contrast and diameter select a range based on the study.

    Raises:
        SettingsError: Neither runs nor a diameter are known.
    """
    statements = [*_on_contrast(evidence)]
    fields = {result.size_px for result in evidence.results}
    if len(fields) > 1:
        low, high, reasons = _range_from_results(evidence)
    else:
        low, high, reasons = _range_from_particles(evidence)
    statements += reasons
    limit = evidence.patch_size / 2
    if high > limit:
        text = f"fields wider than half a patch of {evidence.patch_size} px are cut off by its border for most pixels"
        statements.append(Statement(f"{text}; to search beyond {limit:.0f} px, prepare larger patches.", "rule"))
        high = limit
    return Advice(round(min(low, high)), round(high), tuple(statements))


def _on_contrast(evidence: Evidence) -> list[Statement]:
    high = evidence.separability >= HIGH_CONTRAST
    return [
        Statement(
            f"brightness alone separates {evidence.separability:.0%} of the pairs of a particle and a background pixel "
            f"(50% is chance): {'high' if high else 'low'} amplitude contrast.",
            "measured",
        ),
        Statement(
            "the field matters little at high amplitude contrast; the lower the contrast, the larger the field up to "
            "which dice rises.",
            "study",
        ),
    ]


def _range_from_results(evidence: Evidence) -> tuple[float, float, list[Statement]]:
    by_size = sorted(evidence.results, key=lambda result: result.size_px)
    best = max(by_size, key=lambda result: result.mean)
    plateau = next(result for result in by_size if result.mean >= best.mean - NO_GAIN)
    reached = f"{plateau.architecture.name} ({_length(plateau.size_px, evidence)}) reaches {_dice(plateau)}"
    if plateau is by_size[-1]:
        text = f"{reached}, over {NO_GAIN} more than any smaller field: dice still rises with the field."
        return plateau.size_px / 2, plateau.size_px * 3, [Statement(text, "measured")]
    text = f"{reached}; no larger field gains more than {NO_GAIN} (best: {best.architecture.name}, {_dice(best)})."
    return plateau.size_px / 2, plateau.size_px * 2, [Statement(text, "measured")]


def _range_from_particles(evidence: Evidence) -> tuple[float, float, list[Statement]]:
    diameter_px = evidence.diameter_px
    if diameter_px is None:
        raise SettingsError("no complete particle in any patch, so the diameter is not known; give `particle_nm`.")
    low, high = STUDY_PLATEAU_PARTICLES
    statements = [
        Statement(f"the particles have a median diameter of {_length(diameter_px, evidence)}.", "measured"),
        Statement(
            f"on 5 nm gold at 0.02152 nm/px, N = 2, dice rises from 0.72 at 44 px to 0.77-0.78 at 104-200 px, which is "
            f"{low:.1f} to {high:.1f} particle diameters, and no further up to 392 px.",
            "study",
        ),
    ]
    if evidence.separability >= HIGH_CONTRAST:
        text = (
            "at high contrast search small fields, from a tenth of a diameter to where the study's dice stops rising."
        )
        return 0.1 * diameter_px, low * diameter_px, [*statements, Statement(text, "rule")]
    text = "at low contrast search from half to twice the field at which the study's dice stops rising."
    return low / 2 * diameter_px, 2 * high * diameter_px, [*statements, Statement(text, "rule")]


def _dice(result: Result) -> str:
    runs = len(result.hard_dice)
    return f"validation dice {result.mean:.3f} in {runs} run{'s' if runs > 1 else ''}"


def _length(length_px: float, evidence: Evidence) -> str:
    nm = "" if evidence.pixel_size_nm is None else f", {length_px * evidence.pixel_size_nm:.3g} nm"
    return f"{length_px:.0f} px{nm}"
