"""Layers that keep their weights while a network is trained."""

import keras

from tem_rf.config.training import TrainingSettings

_PLACES = {None: (), "encoder": ("encoder",), "encoder_and_bottleneck": ("encoder", "bottleneck")}


def freeze_layers(model: keras.Model, settings: TrainingSettings) -> None:
    """Freeze the layers that the settings name; their batch normalization uses its moving statistics throughout.

    Args:
        model: A network of `build_unet`, whose layers are named by place; to be called before its optimizer is built.
        settings: Settings of the training.
    """
    for layer in model.layers:
        if layer.name.startswith(_PLACES[settings.freeze]):
            layer.trainable = False
