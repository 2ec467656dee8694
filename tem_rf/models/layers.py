"""Layers missing in Keras: fused batch normalization, bilinear upsampling of any size."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

_weights: ContextVar[Any] = ContextVar("patch_weights", default=None)


@contextmanager
def patch_weights(weights: Any) -> Iterator[None]:
    """Leave patches out of the statistics of `FusedBatchNormalization` while the block runs. Not for TensorFlow.

    Args:
        weights: (n,) float32, 1 for a patch that counts and 0 for one that fills the batch.
    """
    token = _weights.set(weights)
    try:
        yield
    finally:
        _weights.reset(token)


@keras.saving.register_keras_serializable(package="tem_rf")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalization with the same weights, computed by TensorFlow's fused operation during training.

    Keras computes mean, variance and scaling as separate passes over memory; on CPU the fused operation takes
    about a fifth of that time. In inference, and where the layer is frozen, Keras' own layer computes it.
    On all backends the moving variance follows the unbiased variance of the batch, as in PyTorch.

    Input shape: (n, h, w, channels). Output shape: the same.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize over all axes but the last."""
        if not training or not self.trainable or len(inputs.shape) != 4 or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        compute = self._fused if keras.backend.backend() == "tensorflow" else self._weighted
        output, mean, variance = compute(inputs)
        momentum = self.momentum
        self.moving_mean.assign(self.moving_mean * momentum + mean * (1.0 - momentum))
        self.moving_variance.assign(self.moving_variance * momentum + variance * (1.0 - momentum))
        return output

    def _fused(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Output, mean and unbiased variance, by TensorFlow."""
        import tensorflow as tf

        gamma, beta = tf.cast(self.gamma, tf.float32), tf.cast(self.beta, tf.float32)
        return tf.compat.v1.nn.fused_batch_norm(inputs, gamma, beta, epsilon=self.epsilon, is_training=True)

    def _weighted(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Output, mean and unbiased variance of the patches that count in `patch_weights`, on any backend."""
        x = ops.cast(inputs, "float32")  # bfloat16 has too few digits for a mean
        weights = _weights.get()
        weights = ops.ones(x.shape[:1]) if weights is None else weights
        counts = ops.reshape(weights, (-1, 1, 1, 1))
        values = ops.sum(weights) * math.prod(x.shape[1:3])
        mean = ops.sum(counts * x, axis=(0, 1, 2)) / values
        variance = ops.sum(counts * ops.square(x - mean), axis=(0, 1, 2)) / values
        gamma, beta = ops.cast(self.gamma, "float32"), ops.cast(self.beta, "float32")
        output = ops.batch_normalization(x, mean, variance, axis=-1, offset=beta, scale=gamma, epsilon=self.epsilon)
        return ops.cast(output, self.compute_dtype), mean, variance * values / ops.maximum(values - 1, 1)


@keras.saving.register_keras_serializable(package="tem_rf")
class BilinearUpsampling(keras.layers.UpSampling2D):
    """Keras' bilinear upsampling without the check that height and width are known numbers.

    Since Keras 3.14 the check fails on sizes that a graph only knows when it runs, so the original layer can neither
    be trained nor exported for images of any size (keras-team/keras, pull request 22079). On other backends this is
    Keras' own layer.

    Input shape: (n, h, w, channels). Output shape: (n, factor * h, factor * w, channels).
    """

    def __init__(self, size: int | tuple[int, int], **options: Any) -> None:
        super().__init__(size, **{**options, "interpolation": "bilinear"})

    def call(self, inputs: Any) -> Any:
        """Interpolate between the centres of pixels. Beyond the outermost centres, their values are kept."""
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs)
        import tensorflow as tf

        height, width = tf.unstack(tf.shape(inputs)[1:3])
        # TensorFlow computes it in float32; without the first cast, XLA refuses the gradient of other precisions.
        size = (self.size[0] * height, self.size[1] * width)
        outputs = tf.image.resize(tf.cast(inputs, tf.float32), size, method="bilinear")
        return tf.cast(outputs, inputs.dtype)
