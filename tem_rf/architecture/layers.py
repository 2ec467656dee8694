"""The layers of an architecture in the order of the forward pass, the single source for geometry and counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tem_rf.architecture.shape import NetworkShape

CLASSES = 2  # background, particle


@dataclass(frozen=True)
class Layer:
    """One layer that moves, mixes or weights pixels. Normalization and ReLU belong to their convolution.

    Attributes:
        name: Name of the Keras layer.
        kind: Type of the layer.
        size: Side of its kernel or window, or its upsampling factor.
        dilation: Distance between the taps of its kernel.
        jump_px: Distance between neighbouring pixels of its input, in image pixels [px].
        filters: Channels of its output.
        parameters: Trainable parameters, including those of its normalization.
        values_per_px: Output values per image pixel, including normalization, ReLU, sum and concatenation.
    """

    name: str
    kind: Literal["convolution", "smoothing", "pooling", "upsampling"]
    size: int
    dilation: int
    jump_px: int
    filters: int
    parameters: int
    values_per_px: float

    @property
    def growth_px(self) -> int:
        """Contribution to the receptive field in equation (1) of the study [px]; none for upsampling."""
        return 0 if self.kind == "upsampling" else self.dilation * (self.size - 1) * self.jump_px


def layers(architecture: NetworkShape) -> tuple[Layer, ...]:
    """List the layers of an architecture.

    >>> from tem_rf import Architecture
    >>> [layer.name for layer in layers(Architecture((2,)))][:4]
    ['encoder0_conv1', 'encoder0_conv2', 'encoder0_skip', 'encoder0_pool']
    """
    return tuple(_layers(architecture))


def _layers(architecture: NetworkShape) -> Iterator[Layer]:
    filters, jump_px, channels = architecture.filter_sequence, 1, 1
    for level, factor in enumerate(architecture.pooling_sequence):
        yield from _block(architecture, level, f"encoder{level}", channels, jump_px)
        channels, coarse = filters[level], jump_px * factor
        yield Layer(
            f"encoder{level}_pool", "pooling", factor, 1, jump_px, channels, 0, values_per_px=channels / coarse**2
        )
        jump_px = coarse
    yield from _block(architecture, architecture.depth, "bottleneck", channels, jump_px)
    for level in reversed(range(architecture.depth)):
        factor, below = architecture.pooling_sequence[level], filters[level + 1]
        fine, channels = jump_px // factor, filters[level] + below
        yield Layer(
            f"decoder{level}_upsample", "upsampling", factor, 1, jump_px, below, 0, (below + channels) / fine**2
        )
        jump_px = fine
        yield from _block(architecture, level, f"decoder{level}", channels, jump_px)
    yield Layer("head", "convolution", 1, 1, 1, CLASSES, filters[0] * CLASSES + CLASSES, values_per_px=2 * CLASSES)
    if architecture.has_distance:
        yield Layer("distance_head", "convolution", 1, 1, 1, 1, filters[0] + 1, values_per_px=2)


def _block(architecture: NetworkShape, level: int, place: str, inputs: int, jump_px: int) -> Iterator[Layer]:
    filters, size, dilation = (
        architecture.filter_sequence[level],
        architecture.kernel_size,
        architecture.dilation_sequence[level],
    )
    channels, smoothing_size = inputs, architecture.smoothing_kernel_size(level)
    for index in range(1, architecture.convolutions_per_block + 1):
        if smoothing_size > 1:
            yield Layer(
                f"{place}_smooth{index}",
                "smoothing",
                smoothing_size,
                1,
                jump_px,
                channels,
                parameters=smoothing_size**2,
                values_per_px=channels / jump_px**2,
            )
        yield Layer(
            f"{place}_conv{index}",
            "convolution",
            size,
            dilation,
            jump_px,
            filters,
            parameters=size**2 * channels * filters + 3 * filters,  # bias, and scale and shift of normalization
            values_per_px=3 * filters / jump_px**2,
        )
        channels = filters
    skip_parameters = inputs * filters + filters
    yield Layer(
        f"{place}_skip", "convolution", 1, 1, jump_px, filters, skip_parameters, values_per_px=2 * filters / jump_px**2
    )
