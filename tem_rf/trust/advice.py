"""What to tell the user about a mask that cannot be trusted: one line with the reason and what to do."""

from tem_rf.trust.kinds import BLUR, EMPTY, FOREIGN, ILLUMINATION, INVERTED, NOISE, SCALE
from tem_rf.trust.verdict import Verdict

_REASONS = {
    FOREIGN: "nothing like it is among the micrographs that the model was tried on; check that it is a micrograph of "
    "this kind",
    INVERTED: "the contrast looks inverted; invert the image, so that particles are darker or brighter than the film "
    "as in the training",
    EMPTY: "nothing that looks like a particle was found",
    NOISE: "more noise than the model can take{dose}; average frames, use a higher dose, or train from this model with "
    "`start_from`",
    BLUR: "defocus or blur is stronger than the model can take; record it closer to focus, or train from this model "
    "with `start_from`",
    SCALE: "particles and fringes have another size in pixels than in the training; check `pixel_size_nm`, and add "
    "`rescale`",
    ILLUMINATION: "the illumination is uneven; correct the image with a flat field, or train with `flat_field_px`",
}
_OTHER = (
    "it is unlike the micrographs that the model segments well; label a few and train from this model with `start_from`"
)


def explain(verdict: Verdict) -> str:
    """Return why a mask cannot be trusted and what to do; empty if it can.

    >>> explain(Verdict(False, 0.31, 0.1, 0.5, "no particles"))
    'nothing that looks like a particle was found'
    >>> explain(Verdict(False, 0.31, 0.1, 0.5, "noise", 1 / 224)).split(";")[0]
    'more noise than the model can take: dose lower by about 220'
    """
    if verdict.is_trusted:
        return ""
    factor = verdict.dose_factor
    dose = f": dose lower by about {float(f'{1 / factor:.2g}'):g}" if factor is not None and factor < 0.6 else ""
    return _REASONS.get(verdict.reason, _OTHER).format(dose=dose)


def summarize(verdict: Verdict) -> str:
    """Return the expected dice with its interval, as in tables.

    >>> summarize(Verdict(True, 0.913, 0.85, 0.96))
    '0.91 (0.85 to 0.96)'
    """
    return f"{verdict.expected_dice:.2f} ({verdict.low:.2f} to {verdict.high:.2f})"
