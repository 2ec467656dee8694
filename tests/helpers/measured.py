"""The receptive field measured on a live Keras model, to hold the calculated one against."""

import keras
import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.architecture.dependence import Pixels, joined
from tem_rf.errors import ModelError

PIXELS_PER_BATCH = 2**22  # about 0.5 GB of features for the study's filters
FAINTEST, BRIGHTEST = 1e-30, 1e30  # farther out, float32 would lose light or turn it infinite
LIT_WEIGHTS = {"gamma": 1.0, "moving_variance": 1.0, "bias": 0.0, "beta": 0.0, "moving_mean": 0.0}
LAYERS_THAT_KEEP_LIGHT_POSITIVE = (
    keras.layers.InputLayer,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.BatchNormalization,
    keras.layers.ReLU,
    keras.layers.Add,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.UpSampling2D,
    keras.layers.Concatenate,
)


def measure_receptive_field(
    model: keras.Model, architecture: Architecture, *, window_px: int | None = None
) -> tuple[Pixels, ...]:
    """Light up one column of a dark image after the other and see which output columns it reaches.

    The network is measured with weights that are all positive and biases that are all zero: darkness stays exactly
    zero, light stays positive through ReLU and maximum pooling, so nothing vanishes by chance and an output is
    above zero if and only if it depends on the lit column. Batch normalization is in inference mode.

    Args:
        model: (n, h, w, 1) -> (n, h, w, classes); it is copied, its weights stay as they are.
        architecture: What the model is meant to be.
        window_px: Width of the dark image, a multiple of the stride [px]. Default: the smallest that will do.

    Returns:
        As `ReceptiveField.dependence`: per phase of the output pixel, offsets of the input pixels it depends on.

    Raises:
        ModelError: The window is not larger than twice the reach, light reached its border or died away, the model
            holds a layer that may turn light negative, or upsamples bilinearly by an odd factor.
    """
    stride, reach_px = architecture.stride, architecture.receptive_field.reach_px
    if reach_px is None:
        raise ModelError(
            f"{architecture.name}: instance normalization sees the whole image; there is no field to measure."
        )
    if architecture.upsampling == "bilinear" and any(size % 2 and size > 1 for size in architecture.pooling_sequence):
        raise ModelError(
            f"{architecture.name}: bilinear upsampling by an odd factor lets a rounding error of light (1e-7) through "
            "to its middle pixels, so darkness is not exact; measure even factors."
        )
    dark_px = (reach_px // stride + 1) * stride  # on either side of the pooling window that is lit
    min_px = 2 * dark_px + stride
    window_px = window_px or min_px
    if window_px < min_px or window_px % stride:
        raise ModelError(
            f"window_px: expected a multiple of the stride {stride} larger than twice the reach of {reach_px} px, "
            f"received {window_px}; use {min_px}."
        )
    middle = window_px // 2 // stride * stride
    lit = _lit_columns(lit_copy(model), stride=stride, window_px=window_px, middle=middle)
    if lit[:, [0, -1]].any():
        raise ModelError(
            f"{model.name}: light reached the border of a window of {window_px} px; the model sees farther than "
            f"{architecture.name} does, so it is not of this architecture."
        )
    offsets_per_phase: list[set[int]] = [set() for _ in range(stride)]
    for phase_in, output in np.argwhere(lit).tolist():
        offsets_per_phase[output % stride].add(middle + phase_in - output)
    return tuple(joined((offset, offset) for offset in offsets) for offsets in offsets_per_phase)


def lit_copy(model: keras.Model) -> keras.Model:
    """Copy a model, with positive weights and no biases.

    Raises:
        ModelError: The model holds a layer that may turn light negative, such as instance normalization.
    """
    for layer in model.layers:
        linear = isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.linear
        if not linear and not isinstance(layer, LAYERS_THAT_KEEP_LIGHT_POSITIVE):
            raise ModelError(
                f"{model.name}: the field of {type(layer).__name__} {layer.name!r} cannot be measured by light; "
                "expected convolutions, batch normalization, ReLU, pooling, upsampling, addition, concatenation."
            )
    copy = keras.models.clone_model(model)
    for weight in copy.weights:
        # (height, width, ..., channels, filters): over a row of light the gain is about 1
        value = 1 / np.prod(weight.shape[1:-1]) if weight.name == "kernel" else LIT_WEIGHTS[weight.name]
        weight.assign(np.full(weight.shape, value))
    return copy


def _lit_columns(model: keras.Model, *, stride: int, window_px: int, middle: int) -> np.ndarray:
    """Output columns (stride, window_px) that light up, one row per lit column of the middle pooling window."""
    rows = []
    batch = max(1, PIXELS_PER_BATCH // (stride * window_px))
    for first in range(0, stride, batch):
        columns = np.arange(first, min(first + batch, stride))
        images = np.zeros((len(columns), stride, window_px, 1), np.float32)
        images[np.arange(len(columns)), :, middle + columns] = 1
        with keras.device("cpu"):  # direct convolutions: an accelerator's fast ones leave rounding in the dark
            logits = keras.ops.convert_to_numpy(model(images, training=False))
        light = logits[logits != 0]
        if light.min() < FAINTEST or light.max() > BRIGHTEST:
            raise ModelError(
                f"{model.name}: light became {light.min():.0e} to {light.max():.0e} times itself on its way, too near "
                "the limits of float32 to be told from darkness; measure fewer layers or smaller kernels."
            )
        rows.append(logits.any(axis=(1, 3)))
    return np.concatenate(rows)
