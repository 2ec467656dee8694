"""The published study's own figures as definitions, on datasets of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tem_rf.config.training import STUDY_SEEDS, training_settings
from tem_rf.errors import StudyError
from tem_rf.study.definition import StudyDefinition
from tem_rf.study.sections import Space

_DILATED = ("d111", "d112", "d122", "d222", "d114", "d124", "d244", "d444")
_POOLED = ("n2-p24", "n2-p42", "n2-p44", "n2-p28")


@dataclass(frozen=True)
class Preset:
    """A figure of the study.

    Attributes:
        shows: What its figure is about, and which datasets it wants.
        space: Its networks.
    """

    shows: str
    space: Space


PRESETS = {
    "fig2": Preset(
        "receptive field against depth: every sequence of poolings 2, 4, 8 at depth 2, 3 and 4 whose field fits the "
        "patch, on a high- and a low-resolution dataset",
        Space(depths=(2, 3, 4)),
    ),
    "fig3": Preset(
        "receptive field against particle size: the nine networks of depth 2, on a dataset per size",
        Space(depths=(2,)),
    ),
    "fig4": Preset(
        "dilation in place of pooling: depth 2, pooling 2, dilations 1, 2 and 4 from the bottleneck up, beside pooled "
        "networks of like fields",
        Space(networks=(*(f"n2-p22-{dilation}" for dilation in _DILATED), *_POOLED)),
    ),
}


def preset_definition(name: str, datasets: Sequence[Path]) -> StudyDefinition:
    """A figure of the study as a definition: recipe, seeds and a complete grid as published.

    Args:
        name: One of `PRESETS`.
        datasets: Prepared dataset folders.

    Raises:
        StudyError: There is no preset of this name.

    Source: Sytwu et al. 2022, figures 2 to 4.

    >>> len(preset_definition("fig4", [Path("au-5nm")]).space.networks)
    12
    """
    if name not in PRESETS:
        raise StudyError(f"preset: expected one of {', '.join(PRESETS)}, received {name!r}.")
    return StudyDefinition(
        datasets=tuple(datasets), seeds=STUDY_SEEDS, space=PRESETS[name].space, training=(training_settings("paper"),)
    )
