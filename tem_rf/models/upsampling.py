"""Bilinear upsampling that works on images of any size inside a TensorFlow graph."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="tem_rf")
class BilinearUpsampling(keras.layers.UpSampling2D):
    """Keras' bilinear upsampling, without its check that height and width are numbers already.

    Since Keras 3.14 the check fails on sizes that a graph knows only when it runs, so its own layer can neither be
    trained nor exported for images of any size (keras-team/keras, pull request 22079). On other backends this is
    Keras' own layer.

    Input shape: (n, h, w, channels). Output shape: (n, factor * h, factor * w, channels).
    """

    def __init__(self, size: int | tuple[int, int], **options: Any) -> None:
        super().__init__(size, **{**options, "interpolation": "bilinear"})

    def call(self, inputs: Any) -> Any:
        """Interpolate between the centres of pixels; beyond the outermost centres their values stand."""
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs)
        import tensorflow as tf

        height, width = tf.unstack(tf.shape(inputs)[1:3])
        outputs = tf.image.resize(inputs, (self.size[0] * height, self.size[1] * width), method="bilinear")
        return tf.cast(outputs, inputs.dtype)  # TensorFlow computes it in float32
