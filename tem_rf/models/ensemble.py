"""Several networks of one architecture as one network, whose probability is the mean of theirs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.architecture.layers import CLASSES
from tem_rf.models.unet import build_unet

_SMALLEST = 1e-7  # float32 probabilities end here


def build_ensemble(networks: Sequence[keras.Model]) -> keras.Model:
    """One network with the weights of several, in layers named `member1_encoder0_conv1` and so on.

    Args:
        networks: Networks of `build_unet`, all of one architecture.

    Returns:
        (n, h, w, 1) -> (n, h, w, 2) logits, background first: the logarithm of the mean probabilities. If they give
        the distance, a third channel is the mean distance.
    """
    inputs = keras.Input(networks[0].input.shape[1:], name="micrograph")
    probabilities, distances = [], []
    for number, network in enumerate(networks, start=1):
        prefix = member_prefix(number)

        def renamed(layer: keras.layers.Layer, prefix: str = prefix) -> keras.layers.Layer:
            return type(layer).from_config({**layer.get_config(), "name": prefix + layer.name})

        member = keras.models.clone_model(network, input_tensors=inputs, clone_function=renamed)
        for layer in network.layers:
            if layer.weights:
                member.get_layer(prefix + layer.name).set_weights(layer.get_weights())
        logits = member.output
        if logits.shape[-1] > CLASSES:
            distances.append(logits[..., CLASSES:])
            logits = logits[..., :CLASSES]
        probabilities.append(keras.layers.Softmax(dtype="float32", name=f"{prefix}softmax")(logits))
    mean = keras.layers.Average(name="mean")(probabilities)
    outputs = keras.ops.log(mean + _SMALLEST)
    if distances:
        distance = keras.layers.Average(name="mean_distance")(distances)
        outputs = keras.layers.Concatenate(name="outputs")([outputs, distance])
    return keras.Model(inputs, outputs, name=f"{networks[0].name}-ensemble{len(networks)}")


def member_prefix(number: int) -> str:
    """Start of the names of the layers of a member, counted from 1."""
    return f"member{number}_"


def member_networks(
    values: Mapping[str, np.ndarray], architecture: Architecture, members: int, *, portable: bool = False
) -> list[keras.Model]:
    """The networks of an ensemble, from its variables by name.

    Args:
        values: Variables such as member1_encoder0_conv1/kernel.
        architecture: Architecture of every member.
        members: Number of networks.
        portable: Use Keras' own layers only.

    Raises:
        KeyError: A variable is missing.
        ValueError: A variable has another shape.
    """
    networks = []
    for number in range(1, members + 1):
        network = build_unet(architecture, portable=portable)
        for weight in network.weights:
            weight.assign(values[member_prefix(number) + weight.path])
        networks.append(network)
    return networks


def mean_logits(functions: Sequence[Callable[[np.ndarray], np.ndarray]]) -> Callable[[np.ndarray], np.ndarray]:
    """What `build_ensemble` computes, from compiled networks.

    Args:
        functions: Map (n, h, w, 1) to (n, h, w, 2) logits, or to logits and distance.
    """

    def logits(images: np.ndarray) -> np.ndarray:
        total: Any = 0.0
        distance: Any = 0.0
        for function in functions:
            one = function(images)
            margin = np.clip(one[..., 1] - one[..., 0], -80.0, 80.0)
            total = total + 1 / (1 + np.exp(-margin))
            distance = distance + one[..., CLASSES:]
        particle = total / len(functions)
        classes = np.log(np.stack([1 - particle, particle], axis=-1) + _SMALLEST)
        return np.concatenate([classes, distance / len(functions)], axis=-1).astype(np.float32)

    return logits
