"""The receptive field of an architecture: equation (1) of the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tem_rf.receptive_field.architecture import Architecture


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of one architecture.

    Attributes:
        equation_size_px: Width by equation (1) [px].
    """

    equation_size_px: int

    def equation_size_nm(self, pixel_size_nm: float) -> float:
        """Width by equation (1) [nm].

        >>> round(ReceptiveField(44).equation_size_nm(0.02152), 2)
        0.95
        """
        return self.equation_size_px * pixel_size_nm


def receptive_field(architecture: Architecture) -> ReceptiveField:
    """Compute the receptive field of an architecture, without building it."""
    return ReceptiveField(equation_size_px=equation_size(architecture))


def equation_size(architecture: Architecture) -> int:
    """Width of the receptive field by equation (1) [px].

    r = 1 + sum over layers of (k - 1) * jump, where a dilated kernel counts as a (k - 1) + 1 and
    the jump is the product of the poolings passed so far; upsampling divides it again.

    Source: Sytwu et al. 2022, equation (1).
    """
    size, jump = 1, 1
    convolution = 2 * (architecture.kernel_size - 1)  # two convolutions a block
    for pooling, dilation in zip(architecture.pooling_sequence, architecture.dilation_sequence, strict=False):
        size += convolution * dilation * jump + (pooling - 1) * jump
        jump *= pooling
    size += convolution * architecture.dilation_sequence[-1] * jump
    for pooling, dilation in zip(
        reversed(architecture.pooling_sequence), reversed(architecture.dilation_sequence[:-1]), strict=True
    ):
        jump //= pooling
        size += convolution * dilation * jump
    return size
