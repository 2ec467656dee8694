"""Initial weights from a seed, the same on every backend and for every pooling."""

import hashlib

import keras
import numpy as np


def initialize(model: keras.Model, seed: int) -> None:
    """Set the convolutions of a network as PyTorch does: kernel and bias uniform within ± 1 / sqrt(fan in).

    Each layer draws from the seed and its own name, so networks of one depth start from identical weights whatever
    their pooling or dilation: the study holds initial weights constant. NumPy draws, since the generators of
    Keras' backends differ. Smoothing kernels start as the identity, normalizations as Keras leaves them.

    Args:
        model: A network of `build_unet`; its layers are named by place.
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
