"""The effective receptive field: the part of its receptive field that a network actually uses."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.errors import ModelError

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class EffectiveField:
    """Where the output of a network comes from, averaged over images.

    Attributes:
        energy: (side, side) float64, fraction of the squared gradient per input pixel, with sum 1; the output pixel is
            in the middle, side is odd.
        images: Number of images averaged.
    """

    energy: np.ndarray
    images: int

    def width_px(self, fraction: float) -> int:
        """Side of the smallest square around the output pixel that contains a fraction of the energy [px].

        >>> EffectiveField(np.full((5, 5), 1 / 25), images=1).width_px(0.3)  # 9 of 25 pixels are 36 %
        3
        """
        middle = len(self.energy) // 2
        distance = np.abs(np.arange(len(self.energy)) - middle)
        rings = np.bincount(np.maximum.outer(distance, distance).ravel(), weights=self.energy.ravel())
        return 2 * int(np.searchsorted(rings.cumsum(), fraction - 1e-12)) + 1


def effective_receptive_field(
    model: keras.Model, architecture: Architecture, images: np.ndarray, *, progress: Progress | None = None
) -> EffectiveField:
    """Average the squared gradient of one output pixel with respect to the image.

    The output is particle logit minus background logit, of a pixel near the middle. From image to image it moves
    through the phases of the pooling grid, since its field depends on them. Gradients are squared before they are
    averaged, so that those of different images do not cancel.

    Args:
        model: (n, h, w, 1) -> (n, h, w, 2) logits, background first; batch normalization in inference mode.
        architecture: Architecture of the model.
        images: (n, h, w) real patches, normalized as in training; h and w multiples of the stride.
        progress: Called with the number of images done and the total.

    Returns:
        The effective field within the patch, as wide as the patch allows around every output pixel.

    Raises:
        ModelError: The patch is smaller than four strides, the backend is not TensorFlow, or no pixel of any image
            affects the output.

    Source: Luo et al. 2016, "Understanding the effective receptive field"; Sytwu et al. 2022, figure S9.
    """
    stride = architecture.stride
    half = (min(images.shape[1:]) // 2 // stride - 1) * stride  # margin on each side of any pixel of the middle window
    if half < 1:
        raise ModelError(
            f"{architecture.name}: patches of {min(images.shape[1:])} px leave no margin around a pooling window of "
            f"{stride} px; use patches of at least {4 * stride} px."
        )
    corner_y, corner_x = (side // 2 // stride * stride for side in images.shape[1:])
    phases = np.arange(len(images)) * stride // len(images)
    energy = np.zeros((2 * half + 1, 2 * half + 1))
    for index, (image, phase) in enumerate(zip(images, phases, strict=True)):
        y, x = corner_y + phase, corner_x + phase
        gradient = _gradient(model, image, y, x)
        energy += gradient[y - half : y + half + 1, x - half : x + half + 1].astype(np.float64) ** 2
        if progress:
            progress(index + 1, len(images))
    if not energy.sum() > 0:
        raise ModelError(
            f"{model.name}: no pixel of {len(images)} images affects the output (all gradients are zero); "
            "the network is constant, train it again or choose another run."
        )
    return EffectiveField(energy / energy.sum(), images=len(images))


def _gradient(model: keras.Model, image: np.ndarray, y: int, x: int) -> np.ndarray:
    """Gradient (h, w) of the output at one pixel."""
    if keras.backend.backend() != "tensorflow":
        raise ModelError(f"the effective field needs Keras on TensorFlow; the backend is {keras.backend.backend()}.")
    import tensorflow as tf

    batch = tf.constant(image[np.newaxis, ..., np.newaxis])
    with tf.GradientTape() as tape:
        tape.watch(batch)
        logits = model(batch, training=False)
        answer = logits[0, y, x, 1] - logits[0, y, x, 0]
    return np.asarray(tape.gradient(answer, batch))[0, ..., 0]
