"""Layers missing in Keras: fused batch normalization, bilinear upsampling of any size."""

import math
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="tem_rf")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalization with the same weights, computed by TensorFlow's fused operation during training.

    Keras computes mean, variance and scaling as separate passes over memory; on CPU the fused operation takes
    about a fifth of that time. On other backends, in inference, and where the layer is frozen, Keras' own
    layer computes it. On all of them the moving variance follows the unbiased variance of the batch, as in PyTorch.

    Input shape: (n, h, w, channels). Output shape: the same.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize over all axes but the last."""
        if not training or not self.trainable or len(inputs.shape) != 4 or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        if keras.backend.backend() != "tensorflow":
            return self._call_unfused(inputs)
        import tensorflow as tf

        output, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            tf.cast(self.gamma, tf.float32),
            tf.cast(self.beta, tf.float32),
            epsilon=self.epsilon,
            is_training=True,
        )
        momentum = self.momentum
        self.moving_mean.assign(self.moving_mean * momentum + mean * (1.0 - momentum))
        self.moving_variance.assign(self.moving_variance * momentum + variance * (1.0 - momentum))
        return output

    def _call_unfused(self, inputs: Any) -> Any:
        """Keras' own layer during training. Its moving variance follows the biased variance until it is corrected."""
        kept = self.moving_variance * self.momentum
        output = super().call(inputs, training=True)
        if self.trainable:
            values = math.prod(inputs.shape[:-1])
            self.moving_variance.assign(kept + (self.moving_variance - kept) * (values / max(values - 1, 1)))
        return output


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
