"""The receptive field of an architecture: by equation (1) of the study, and the exact dependence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tem_rf.architecture.dependence import Pixels, dependence
from tem_rf.architecture.layers import layers
from tem_rf.architecture.shape import NetworkShape


class Widths(NamedTuple):
    """Width of the field over the phases of the pooling grid [px]."""

    min: int
    mean: float
    max: int


@dataclass(frozen=True)
class ReceptiveField:
    """The input pixels that an output pixel depends on, along one axis; both axes are equal.

    Attributes:
        equation_size_px: Width by equation (1) of the study [px].
        dependence: Per phase of the output pixel in the pooling grid, the input pixels it depends on, as
            intervals (first, last) of offsets from it [px]. None: it depends on the whole image of any size.

    >>> from tem_rf import Architecture
    >>> field = Architecture((8, 8)).receptive_field
    >>> field.equation_size_px, tuple(field.size_px), field.reach_px
    (392, (356, 392.0, 420), 227)
    >>> Architecture((8, 8), normalization="instance").receptive_field.reach_px is None
    True
    """

    equation_size_px: int
    dependence: tuple[Pixels, ...] | None

    @cached_property
    def size_px(self) -> Widths | None:
        """Exact width from the first to the last pixel that matters: minimum, mean and maximum over phases."""
        if self.dependence is None:
            return None
        widths = [pixels[-1][1] - pixels[0][0] + 1 for pixels in self.dependence]
        return Widths(min(widths), sum(widths) / len(widths), max(widths))

    @cached_property
    def reach_px(self) -> int | None:
        """Distance from an output pixel to the farthest input pixel it depends on, for the worst phase and side."""
        if self.dependence is None:
            return None
        return max(max(-pixels[0][0], pixels[-1][1]) for pixels in self.dependence)

    @property
    def has_holes(self) -> bool:
        """Whether some pixels inside the field do not matter: the gridding of dilated convolutions."""
        return any(len(pixels) > 1 for pixels in self.dependence or ())


def receptive_field(architecture: NetworkShape) -> ReceptiveField:
    """Compute the receptive field of an architecture without building it."""
    whole_image = architecture.normalization == "instance"
    return ReceptiveField(
        equation_size_px=equation_size(architecture),
        dependence=None if whole_image else dependence(architecture),
    )


def equation_size(architecture: NetworkShape) -> int:
    """Width of the receptive field by equation (1) [px].

    r = 1 + sum over layers of (k - 1) * jump, where a dilated kernel counts as a (k - 1) + 1 and the jump is the
    product of the preceding poolings, divided again by upsampling.

    Source: Sytwu et al. 2022, equation (1).
    """
    return 1 + sum(layer.growth_px for layer in layers(architecture))
