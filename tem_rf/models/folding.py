"""A network for CPU with its full-resolution blocks folded: half the side, four times the channels.

The blocks at full resolution have 4 channels, a quarter of a vector register; folded they have 16. The upsampling
before the last decoder, which only copies pixels, becomes part of its convolutions. The function and the variables
are the same; training steps are 1.3 to 1.4 times faster (docs/experiments.md).
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from tem_rf.architecture import Architecture

FOLD = 2  # side of the square of pixels that becomes channels
PIXELS = FOLD * FOLD


def can_fold(architecture: Architecture) -> bool:
    """Whether the full-resolution blocks are plain convolutions between even max pooling and nearest upsampling."""
    return (
        architecture.pooling_sequence[0] % FOLD == 0
        and architecture.pooling == "max"
        and architecture.upsampling == "nearest"
        and architecture.dilation_sequence[0] == 1
        and architecture.smoothing_kernel_size(0) == 1
    )


class FoldedUnet:
    """Computes a network of `build_unet`, with the layers and variables of the network.

    Args:
        model: The network; batch normalization is in training mode, and may be merged (`models.merging`).
        architecture: Its architecture, for which `can_fold` is true.
    """

    def __init__(self, model: keras.Model, architecture: Architecture) -> None:
        self._model, self._architecture = model, architecture
        self._filters = architecture.filter_sequence[0]
        self._normalizations = {layer.name: layer for layer in model.layers if "_bn" in layer.name}
        self._below = keras.Model(
            model.get_layer("encoder0_pool").output, model.get_layer("decoder0_upsample").input, name="below"
        )

    def logits(self, images: Any) -> Any:
        """Compute logits in training mode.

        Args:
            images: (n, h, w, 1) float32.

        Returns:
            (n, h / 2, 2 w, channels) float32 outputs of the pixels in the order of `in_folded_order`.
        """
        channels = self._model.output.shape[-1]
        return ops.cast(_pixels(self._folded_logits(images), channels), "float32")

    def logits_of_pixels(self, images: Any) -> Any:
        """The same as (n, h, w, channels) float32, with every pixel in its place."""
        import tensorflow as tf

        return ops.cast(tf.nn.depth_to_space(self._folded_logits(images), FOLD), "float32")

    def _folded_logits(self, images: Any) -> Any:
        rest = self._architecture.pooling_sequence[0] // FOLD
        x = skip = self._block("encoder0", fold(ops.cast(images, self._model.compute_dtype)))
        # (n, h/2, w/2, 4 f) -> (n, h/2, w/2, f) -> (n, h/k, w/k, f)
        x = ops.max_pool(self._as_pixels(x), (1, PIXELS), (1, PIXELS), padding="valid")
        x = self._below(ops.max_pool(x, rest, rest) if rest > 1 else x, training=True)
        if rest > 1:
            x = ops.repeat(ops.repeat(x, rest, axis=1), rest, axis=2)
        x = self._block("decoder0", ops.concatenate([skip, x], axis=-1), folded_channels=self._filters)
        logits = self._convolution("head", x)
        if not self._architecture.has_distance:
            return logits
        # (n, h/2, w/2, 4 * 2) and (n, h/2, w/2, 4) -> (n, h/2, w/2, 4 * 3), the channels of a pixel side by side
        n, h, w = ops.shape(logits)[:3]
        parts = (logits, self._convolution("distance_head", x))
        pixels = [ops.reshape(part, (n, h, w, PIXELS, part.shape[-1] // PIXELS)) for part in parts]
        return ops.reshape(ops.concatenate(pixels, axis=-1), (n, h, w, -1))

    def _block(self, place: str, x: Any, folded_channels: int | None = None) -> Any:
        inner, last = x, self._architecture.convolutions_per_block
        for index in range(1, last + 1):
            inner = self._convolution(f"{place}_conv{index}", inner, folded_channels if index == 1 else None)
            if (normalization := self._normalizations.get(f"{place}_bn{index}")) is not None:
                inner = self._as_channels(normalization(self._as_pixels(inner), training=True))
            if index < last:
                inner = ops.relu(inner)
        return ops.relu(inner + self._convolution(f"{place}_skip", x, folded_channels))

    def _convolution(self, name: str, x: Any, folded_channels: int | None = None) -> Any:
        """The convolution of the layer. Channels after `folded_channels` are those that upsampling would copy."""
        import tensorflow as tf

        layer = self._model.get_layer(name)
        kernel = ops.convert_to_tensor(layer.kernel)
        folded = fold_kernel(kernel[:, :, :folded_channels])
        if folded_channels is not None:
            folded = ops.concatenate([folded, fold_kernel(kernel[:, :, folded_channels:], is_upsampled=True)], axis=2)
        bias = ops.tile(ops.convert_to_tensor(layer.bias), PIXELS)
        outputs = ops.conv(x, ops.cast(folded, x.dtype), padding="same")
        return tf.nn.bias_add(outputs, ops.cast(bias, x.dtype))  # its gradient is one operation with that of the kernel

    def _as_pixels(self, x: Any) -> Any:
        return _pixels(x, self._filters)

    def _as_channels(self, x: Any) -> Any:
        n, h = ops.shape(x)[:2]
        return ops.reshape(x, (n, h, -1, PIXELS * self._filters))  # (n, h/2, 2 w, f) -> (n, h/2, w/2, 4 f)


def fold(images: Any) -> Any:
    """Turn squares of 2 x 2 pixels into channels: (n, h, w, c) -> (n, h / 2, w / 2, 4 c)."""
    import tensorflow as tf

    return tf.nn.space_to_depth(images, FOLD)


def in_folded_order(images: Any) -> Any:
    """The pixels in the order of the folded logits: (n, h, w, c) -> (n, h / 2, 2 w, c)."""
    return _pixels(fold(images), images.shape[-1])


def fold_kernel(kernel: Any, *, is_upsampled: bool = False) -> Any:
    """The kernel that acts on folded images as the original kernel acts on images.

    Args:
        kernel: (k, k, inputs, outputs), k odd.
        is_upsampled: The input is not folded: each pixel represents a square of 2 x 2 equal pixels.

    Returns:
        (m, m, 4 inputs, 4 outputs), or (m, m, inputs, 4 outputs) for an upsampled input; m is 1 for k = 1, 3 for 3.
    """
    taps, (inputs, outputs) = _taps(kernel.shape[0]), kernel.shape[2:]
    side = len(taps)
    if is_upsampled:
        taps = taps.sum(axis=1)
        folded = ops.einsum("api,bqj,ijcd->abcpqd", taps, taps, kernel)
    else:
        folded = ops.einsum("arpi,bsqj,ijcd->abrscpqd", taps, taps, kernel)
    return ops.reshape(folded, (side, side, inputs if is_upsampled else PIXELS * inputs, PIXELS * outputs))


def _taps(size: int) -> np.ndarray:
    """[a, r, p, i] is 1 if tap i connects pixel p of a square with pixel r of the square a - reach further on."""
    half = size // 2
    reach = (half + 1) // FOLD
    a, r, p, i = np.ogrid[-reach : reach + 1, :FOLD, :FOLD, -half : half + 1]
    return (FOLD * a + r - p == i).astype(np.float32)


def _pixels(x: Any, channels: int) -> Any:
    n, h = ops.shape(x)[:2]
    return ops.reshape(x, (n, h, -1, channels))
