"""A published network of the study as a Keras model."""

import keras

from tem_rf.errors import ReadError
from tem_rf.models.published_weights import PublishedNetwork
from tem_rf.models.unet import build_unet


def build_published_unet(network: PublishedNetwork) -> keras.Model:
    """Build the network and give it its published weights.

    Raises:
        ReadError: A weight is missing or of another shape.
    """
    model = build_unet(network.architecture)
    for layer in model.layers:
        for weight in layer.weights:
            name = f"{layer.name}/{weight.name}"
            array = network.weights.get(name)
            if array is None or array.shape != tuple(weight.shape):
                raise ReadError(
                    f"{name}: expected {tuple(weight.shape)} as in {network.architecture.name}, "
                    f"received {None if array is None else array.shape}; no UNet of the study."
                )
            weight.assign(array)
    return model
