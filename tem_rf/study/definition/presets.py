"""Figures of the published study as definitions, for the user's own datasets."""

from collections.abc import Sequence
from pathlib import Path

from tem_rf.config.training import STUDY_SEEDS, training_settings
from tem_rf.errors import StudyError
from tem_rf.study.definition.definition import StudyDefinition
from tem_rf.study.definition.sections import Space

_DILATED = ("d111", "d112", "d122", "d222", "d114", "d124", "d244", "d444")
_POOLED = ("n2-p24", "n2-p42", "n2-p44", "n2-p28")


PRESETS = {
    # Receptive field and depth, on a high- and a low-resolution dataset: every sequence of poolings 2, 4, 8 that fits
    # the patch.
    "fig2": Space(depths=(2, 3, 4)),
    # Receptive field and particle size, with one dataset per size.
    "fig3": Space(depths=(2,)),
    # Dilation instead of pooling, from the bottleneck up, and pooled networks of similar receptive fields.
    "fig4": Space(networks=(*(f"n2-p22-{dilation}" for dilation in _DILATED), *_POOLED)),
}


def preset_definition(name: str, datasets: Sequence[Path]) -> StudyDefinition:
    """Return a figure of the study as a definition: recipe, seeds and complete grid as published.

    Args:
        name: One of `PRESETS`.
        datasets: Folders of prepared datasets.

    Raises:
        StudyError: There is no preset of this name.

    Source: Sytwu et al. 2022, figures 2 to 4.

    >>> len(preset_definition("fig4", [Path("au-5nm")]).space.networks)
    12
    """
    if name not in PRESETS:
        raise StudyError(f"`preset`: expected one of {', '.join(PRESETS)}, received {name!r}.")
    return StudyDefinition(
        datasets=tuple(datasets), seeds=STUDY_SEEDS, space=PRESETS[name], training=(training_settings("paper"),)
    )
