"""The residual block and the layers it is made of."""

import hashlib
from typing import Any

import keras

from tem_rf.models.normalization import FusedBatchNormalization

# PyTorch's defaults, with which the study trained: epsilon 1e-5, momentum 0.1 there is 0.9 in Keras' convention.
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9


def residual_block(
    x: Any, *, filters: int, kernel_size: int, dilation: int, name: str, seed: int, portable: bool
) -> Any:
    """Conv, batch norm, ReLU, conv, batch norm, plus a 1x1 convolution of the input, ReLU.

    Args:
        x: (n, h, w, channels) symbolic tensor.
        filters: Filters of the three convolutions.
        kernel_size: Side of the two larger kernels [px].
        dilation: Dilation of the two larger kernels [px].
        name: Place of the block, such as `encoder0`; the layers are `encoder0_conv1`, `encoder0_bn1`, ...
        seed: Seed of the initial weights.
        portable: Use Keras' own batch normalization only, so that the saved model needs nothing of ours.

    Returns:
        (n, h, w, filters) symbolic tensor.

    Source: Sytwu et al. 2022, figure 1; He et al. 2016.
    """
    inner = convolution(x, filters, kernel_size, dilation=dilation, name=f"{name}_conv1", seed=seed)
    inner = batch_normalization(f"{name}_bn1", portable=portable)(inner)
    inner = keras.layers.ReLU(name=f"{name}_relu1")(inner)
    inner = convolution(inner, filters, kernel_size, dilation=dilation, name=f"{name}_conv2", seed=seed)
    inner = batch_normalization(f"{name}_bn2", portable=portable)(inner)
    skip = convolution(x, filters, 1, name=f"{name}_skip", seed=seed)
    return keras.layers.ReLU(name=f"{name}_relu2")(keras.layers.Add(name=f"{name}_add")([inner, skip]))


def convolution(x: Any, filters: int, kernel_size: int, *, name: str, seed: int, dilation: int = 1) -> Any:
    """A convolution that keeps height and width, with the initial weights of PyTorch.

    Kernel and bias are uniform within ± 1 / sqrt(fan in). The seed is mixed with the layer's name, so networks
    of one depth start from identical weights whatever their pooling or dilation.
    """
    fan_in = kernel_size**2 * x.shape[-1]
    bound = fan_in**-0.5
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        padding="same",
        dilation_rate=dilation,
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound, seed=_layer_seed(seed, f"{name}/kernel")),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound, seed=_layer_seed(seed, f"{name}/bias")),
        name=name,
    )(x)


def batch_normalization(name: str, *, portable: bool) -> keras.layers.Layer:
    """Batch normalization with the study's constants."""
    kind = keras.layers.BatchNormalization if portable else FusedBatchNormalization
    return kind(epsilon=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM, name=name)


def _layer_seed(seed: int, name: str) -> int:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
