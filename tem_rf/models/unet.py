"""The residual UNet of the study for any architecture: blocks, initial weights, output."""

import hashlib
from typing import Any

import keras
import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.architecture.layers import CLASSES
from tem_rf.architecture.shape import Normalization, Upsampling
from tem_rf.models.layers import BilinearUpsampling, FusedBatchNormalization


def initialize(model: keras.Model, seed: int) -> None:
    """Initialize the convolutions of a network as PyTorch does: kernel and bias uniform within ± 1 / sqrt(fan in).

    Each layer draws from the seed and its own name, so networks of one depth start from identical weights, whatever
    their pooling or dilation: the study keeps the initial weights constant. NumPy draws the numbers, since the
    generators of Keras' backends differ. Smoothing kernels start as the identity, normalization layers as in Keras.

    Args:
        model: A network of `build_unet`; its layers are named by position.
        seed: Seed of the run.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            generator = np.random.default_rng(_layer_seed(seed, layer.name))
            bound = float(np.prod(layer.kernel.shape[:-1])) ** -0.5
            for weight in (layer.kernel, layer.bias):
                weight.assign(generator.uniform(-bound, bound, weight.shape).astype(np.float32))
        elif isinstance(layer, keras.layers.Conv3D):
            identity = np.zeros(layer.kernel.shape, np.float32)
            identity[tuple(side // 2 for side in layer.kernel.shape)] = 1
            layer.kernel.assign(identity)


def _layer_seed(seed: int, name: str) -> list[int]:
    return [seed & 0xFFFFFFFF, *hashlib.sha256(name.encode()).digest()[:8]]


# PyTorch's defaults, which the study used: epsilon 1e-5, momentum 0.1, which is 0.9 in Keras' convention.
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9


def residual_block(x: Any, architecture: Architecture, level: int, *, name: str, portable: bool) -> Any:
    """Convolutions with normalization and ReLU, plus a 1x1 convolution of the input before the last ReLU.

    Args:
        x: (n, h, w, channels) symbolic tensor.
        architecture: Gives kernel size, dilation, smoothing, normalization and number of the convolutions.
        level: Level of the block, which determines its filters and its dilation.
        name: Position of the block, such as `encoder0`; the layers are `encoder0_conv1`, `encoder0_bn1`, ...
        portable: Use Keras' own batch normalization only, so that the saved model needs none of our code.

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

    Before a dilated convolution it includes the pixels between the taps. Channels become an axis of a
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
    """Batch normalization with the study's constants, or instance normalization, which does not depend on a batch."""
    if kind == "instance":
        return keras.layers.GroupNormalization(groups=-1, epsilon=BATCH_NORM_EPSILON, name=name)
    layer = keras.layers.BatchNormalization if portable else FusedBatchNormalization
    return layer(epsilon=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM, name=name)


def upsampling(kind: Upsampling, factor: int, name: str, *, portable: bool) -> keras.layers.Layer:
    """Nearest or bilinear upsampling. Keras' own bilinear layer does not support images of any size in a graph."""
    if kind == "bilinear" and not portable:
        return BilinearUpsampling(factor, name=name)
    return keras.layers.UpSampling2D(factor, interpolation=kind, name=name)


def build_unet(architecture: Architecture, *, seed: int = 0, portable: bool = False) -> keras.Model:
    """Build a residual UNet.

    Args:
        architecture: The architecture to build.
        seed: Seed of the initial weights; one seed gives architectures of one depth identical weights.
        portable: Use Keras' own layers only. The weights and their order are the same, but training is slower.

    Returns:
        Model that maps (n, h, w, 1) float32 to (n, h, w, 2) float32 logits, background first; h and w can be any
        multiples of `architecture.stride`. With `architecture.has_distance` a third channel is the distance.

    Source: Sytwu et al. 2022, figure 1.
    """

    def block(x: keras.KerasTensor, place: str, level: int) -> keras.KerasTensor:
        return residual_block(x, architecture, level, name=place, portable=portable)

    pool = keras.layers.MaxPooling2D if architecture.pooling == "max" else keras.layers.AveragePooling2D
    inputs = x = keras.Input((None, None, 1), name="micrograph")
    skips = []
    for level, pooling in enumerate(architecture.pooling_sequence):
        x = block(x, f"encoder{level}", level)
        skips.append(x)
        x = pool(pooling, name=f"encoder{level}_pool")(x)  # (n, h, w, f) -> (n, h/k, w/k, f)
    x = block(x, "bottleneck", architecture.depth)
    for level in reversed(range(architecture.depth)):
        factor = architecture.pooling_sequence[level]
        x = upsampling(architecture.upsampling, factor, f"decoder{level}_upsample", portable=portable)(x)
        x = keras.layers.Concatenate(name=f"decoder{level}_concatenate")([skips[level], x])
        x = block(x, f"decoder{level}", level)
    logits = convolution(x, CLASSES, 1, name="head")
    if architecture.has_distance:
        distance = convolution(x, 1, 1, name="distance_head")
        logits = keras.layers.Concatenate(name="outputs")([logits, distance])
    # Logits are float32 for any precision of the layers: a softmax of bfloat16 would quantize the dice.
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    model = keras.Model(inputs, logits, name=architecture.name)
    initialize(model, seed)
    return model
