"""Networks as other programs call them: padding, cropping and the probability live inside the graph."""

from typing import Any

import keras

from tem_rf.config.preparation import PreprocessingSettings


class ImagesToProbability(keras.Model):
    """Takes normalized images of any size, gives the probability of a particle.

    Args:
        network: Maps (n, h, w, 1) to (n, h, w, 2) logits, h and w multiples of the stride.
        stride: Of the network [px].

    Input shape: (n, h, w, 1) float32. Output: `probability`, (n, h, w, 1) float32.
    """

    SIGNATURE = keras.InputSpec("float32", (None, None, None, 1), name="images")

    def __init__(self, network: keras.Model, stride: int) -> None:
        super().__init__()
        self.network, self.stride = network, stride
        self.built = True

    def call(self, images: Any) -> dict[str, Any]:
        """Compute the probability of a particle."""
        import tensorflow as tf

        height, width = tf.unstack(tf.shape(images)[1:3])
        # Written so that no number is negative: ONNX takes the remainder of negative ones with the other sign.
        rows, columns = ((self.stride - length % self.stride) % self.stride for length in (height, width))
        # Zeros are the mean of a standardized image, and what the convolutions pad with. Without the axis of
        # channels while it is padded, LiteRT keeps knowing that there is one channel.
        padded = tf.pad(tf.squeeze(images, -1), [[0, 0], [0, rows], [0, columns]])
        logits = self.network(tf.expand_dims(padded, -1), training=False)[:, :height, :width]
        background, particle = tf.split(logits, 2, axis=-1)
        return {"probability": tf.sigmoid(particle - background)}


class CountsToProbability(ImagesToProbability):
    """Takes raw counts and does the preprocessing of the training data too.

    Args:
        network: As for `ImagesToProbability`.
        stride: Of the network [px].
        preprocessing: Of the training data; flat-field correction and rescaling are not part of the graph.

    Input shape: (n, h, w) float32. Output: `probability`, (n, h, w, 1) float32.
    """

    SIGNATURE = keras.InputSpec("float32", (None, None, None), name="counts")

    def __init__(self, network: keras.Model, stride: int, preprocessing: PreprocessingSettings) -> None:
        super().__init__(network, stride)
        self.preprocessing = preprocessing

    def call(self, counts: Any) -> dict[str, Any]:
        """Compute the probability of a particle."""
        import tensorflow as tf

        from tem_rf.export.normalization_graph import normalize_counts

        images = tf.map_fn(lambda one: normalize_counts(one, self.preprocessing), counts)
        return super().call(tf.expand_dims(images, -1))
