"""Export a network as a single file for Keras, ONNX Runtime or LiteRT, with Keras' own exporters."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tem_rf.exporting.formats import KERAS, LITERT, ONNX
from tem_rf.exporting.saved_model import CountsToProbability, ImagesToProbability
from tem_rf.inference.card import ModelCard
from tem_rf.models.ensemble import build_ensemble, member_networks
from tem_rf.models.unet import build_unet

ONNX_OPSET = 17  # supported by ONNX Runtime since 2022, and by the Java programs around Fiji


def write_keras(model: keras.Model, card: ModelCard, folder: Path) -> None:
    """Write the network built of Keras' own layers only, so that Keras can load it without tem-rf."""
    portable = build_unet(card.architecture, portable=True)
    if card.members == 1:
        portable.set_weights(model.get_weights())
    else:
        values = {weight.path: np.asarray(weight) for weight in model.weights}
        portable = build_ensemble(member_networks(values, card.architecture, card.members, portable=True))
    portable.save(folder / KERAS.file)


def write_onnx(model: keras.Model, card: ModelCard, folder: Path) -> None:
    """Write the network with all steps from raw counts to probability."""
    export_onnx(CountsToProbability(model, card.stride_px, card.preprocessing, card.temperature), folder / ONNX.file)


def export_onnx(serving: ImagesToProbability, path: Path) -> None:
    """Write a network for ONNX Runtime; height, width and number of images stay variable."""
    with warnings.catch_warnings():
        # Keras looks up np.object, which makes NumPy 2 warn.
        warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
        serving.export(
            path, format="onnx", verbose=False, opset_version=ONNX_OPSET, input_signature=[serving.SIGNATURE]
        )


def write_litert(model: keras.Model, card: ModelCard, folder: Path) -> None:
    """Write the network without normalization, using only LiteRT's own operations.

    Normalizing image by image is a loop over a list of tensors, which LiteRT supports only with parts of TensorFlow.
    """
    resizing = keras.models.clone_model(model, clone_function=_with_resizing)
    resizing.set_weights(model.get_weights())
    serving = ImagesToProbability(resizing, card.stride_px, card.temperature)
    serving.export(folder / LITERT.file, format="litert", verbose=False, input_signature=[serving.SIGNATURE])


class _ResizingUpsampling(keras.layers.UpSampling2D):
    """Upsampling in one operation: Keras repeats pixels by reshaping, where LiteRT loses the number of channels."""

    def call(self, inputs: Any) -> Any:
        import tensorflow as tf

        height, width = tf.unstack(tf.shape(inputs)[1:3])
        return tf.image.resize(inputs, (self.size[0] * height, self.size[1] * width), method=self.interpolation)


def _with_resizing(layer: keras.layers.Layer) -> keras.layers.Layer:
    if isinstance(layer, keras.layers.UpSampling2D):
        return _ResizingUpsampling(layer.size, interpolation=layer.interpolation, name=layer.name)
    return type(layer).from_config(layer.get_config())
