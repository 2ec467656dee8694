"""A compiled network for inference: batch normalization merged into convolutions, full-resolution blocks folded.

The logits are those of the network within rounding (1e-5 and less); on CPU they take 2.5 times less processor time
than Keras' own call (docs/experiments.md).
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.models.folding import FoldedUnet, can_fold


def compile_inference(model: keras.Model, architecture: Architecture) -> Callable[[np.ndarray], np.ndarray]:
    """Compile a network for inference with its current weights.

    Args:
        model: The network.
        architecture: Its architecture.

    Returns:
        A function from (n, h, w, 1) float32, with h and w divisible by the stride, to (n, h, w, 2) float32 logits; with
        `architecture.has_distance` a third channel is the distance.
    """
    if keras.backend.backend() != "tensorflow":
        return lambda images: np.asarray(model(images, training=False))
    logits = inference_function(model, architecture)
    return lambda images: logits(images).numpy()


def inference_function(model: keras.Model, architecture: Architecture) -> Any:
    """Return the `tf.function` from (n, h, w, 1) to (n, h, w, 2) of a network that `compile_inference` runs."""
    import tensorflow as tf

    merged = merge_normalization(model)
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    folded = FoldedUnet(merged, architecture) if can_fold(architecture) and not on_gpu else None

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32)], autograph=False)
    def logits(images: tf.Tensor) -> tf.Tensor:
        return folded.logits_of_pixels(images) if folded else merged(images, training=False)

    return logits


def merge_normalization(model: keras.Model) -> keras.Model:
    """The same function without batch normalization: scale and shift become part of the preceding convolution.

    Args:
        model: A network of `build_unet`, or any whose layers have the same names.

    Returns:
        A model of the remaining layers.
    """

    def without_normalization(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.BatchNormalization):
            return keras.layers.Identity(name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    def call(layer: keras.layers.Layer, x: Any, **options: Any) -> Any:
        return x if isinstance(layer, keras.layers.Identity) else layer(x, **options)

    merged = keras.models.clone_model(model, clone_function=without_normalization, call_function=call)
    normalizations = {
        layer.name.replace("_bn", "_conv"): layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    for layer in merged.layers:
        weights = model.get_layer(layer.name).get_weights()
        if layer.name in normalizations:
            kernel, bias = weights
            weights = _merged(kernel, bias, normalizations[layer.name])
        layer.set_weights(weights)
    return merged


def _merged(kernel: np.ndarray, bias: np.ndarray, normalization: keras.layers.BatchNormalization) -> list[np.ndarray]:
    gamma, beta, mean, variance = normalization.get_weights()
    scale = gamma / np.sqrt(variance + normalization.epsilon)
    return [kernel * scale, (bias - mean) * scale + beta]
