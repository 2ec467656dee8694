"""The residual block and the layers it is made of."""

from typing import Any

import keras

from tem_rf.models.normalization import FusedBatchNormalization
from tem_rf.models.upsampling import BilinearUpsampling
from tem_rf.receptive_field.architecture import Architecture, Normalization, Upsampling

# PyTorch's defaults, with which the study trained: epsilon 1e-5, momentum 0.1 there is 0.9 in Keras' convention.
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9


def residual_block(x: Any, architecture: Architecture, level: int, *, name: str, portable: bool) -> Any:
    """Convolutions with normalization and ReLU, plus a 1x1 convolution of the input before the last ReLU.

    Args:
        x: (n, h, w, channels) symbolic tensor.
        architecture: Says kernel size, dilation, smoothing, normalization and number of the convolutions.
        level: Level of the block, which gives its filters and its dilation.
        name: Place of the block, such as `encoder0`; the layers are `encoder0_conv1`, `encoder0_bn1`, ...
        portable: Use Keras' own batch normalization only, so that the saved model needs nothing of ours.

    Returns:
        (n, h, w, filters) symbolic tensor.

    Source: Sytwu et al. 2022, figure 1; He et al. 2016.
    """
    filters, last = architecture.filter_sequence[level], architecture.convolutions_per_block
    inner = x
    for index in range(1, last + 1):
        smoothing_size = architecture.smoothing_kernel_size(level)
        if smoothing_size > 1:
            inner = shared_smoothing(inner, smoothing_size, name=f"{name}_smooth{index}")
        inner = convolution(
            inner,
            filters,
            architecture.kernel_size,
            dilation=architecture.dilation_sequence[level],
            name=f"{name}_conv{index}",
        )
        inner = normalization(architecture.normalization, f"{name}_bn{index}", portable=portable)(inner)
        if index < last:
            inner = keras.layers.ReLU(name=f"{name}_relu{index}")(inner)
    skip = convolution(x, filters, 1, name=f"{name}_skip")
    return keras.layers.ReLU(name=f"{name}_relu{last}")(keras.layers.Add(name=f"{name}_add")([inner, skip]))


def convolution(x: Any, filters: int, kernel_size: int, *, name: str, dilation: int = 1) -> Any:
    """A convolution that keeps height and width."""
    return keras.layers.Conv2D(filters, kernel_size, padding="same", dilation_rate=dilation, name=name)(x)


def shared_smoothing(x: Any, size: int, *, name: str) -> Any:
    """One kernel over height and width, the same for every channel, that starts as the identity.

    Before a dilated convolution it lets the pixels between the taps take part. Channels become an axis of a
    three-dimensional convolution, so that Keras' own layers suffice.

    Source: Wang & Ji 2021, "Smoothed dilated convolutions", the separable and shared convolution.
    """
    volume = keras.ops.expand_dims(x, -1)  # (n, h, w, c) -> (n, h, w, c, 1)
    volume = keras.layers.Conv3D(
        1,
        (size, size, 1),
        padding="same",
        use_bias=False,
        name=name,
    )(volume)
    return keras.ops.squeeze(volume, -1)


def normalization(kind: Normalization, name: str, *, portable: bool) -> keras.layers.Layer:
    """Batch normalization with the study's constants, or instance normalization, which has no memory of a batch."""
    if kind == "instance":
        return keras.layers.GroupNormalization(groups=-1, epsilon=BATCH_NORM_EPSILON, name=name)
    layer = keras.layers.BatchNormalization if portable else FusedBatchNormalization
    return layer(epsilon=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM, name=name)


def upsampling(kind: Upsampling, factor: int, name: str, *, portable: bool) -> keras.layers.Layer:
    """Nearest or bilinear upsampling; Keras' own bilinear one takes no images of any size in a graph."""
    if kind == "bilinear" and not portable:
        return BilinearUpsampling(factor, name=name)
    return keras.layers.UpSampling2D(factor, interpolation=kind, name=name)
