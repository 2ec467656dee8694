"""Every kind of network, and a few training steps of one on any backend."""

import keras
import numpy as np

from tem_rf import Architecture, build_unet
from tem_rf.training.steppers.base import build_stepper

KINDS = {
    "folded on CPU": Architecture((2, 2), filter_sequence=(4,)),
    "odd pooling": Architecture((3, 1), filter_sequence=(4,)),
    "average pooling": Architecture((2, 2), filter_sequence=(4,), pooling="average"),
    "bilinear": Architecture((2, 2), filter_sequence=(4,), upsampling="bilinear"),
    "dilated": Architecture((2, 1), filter_sequence=(4,), dilation_sequence=(1, 2, 4)),
    "smoothed": Architecture((2, 1), filter_sequence=(4,), dilation_sequence=(1, 2, 2), smoothing="shared"),
    "instance normalization": Architecture((2, 2), filter_sequence=(4,), normalization="instance"),
    "one convolution, 5 px": Architecture((2, 2), filter_sequence=(4,), kernel_size=5, convolutions_per_block=1),
    "deep": Architecture((2, 2, 2, 2), filter_sequence=(2, 2, 4, 4, 8)),
}


def sums_of_steps(architecture: Architecture) -> np.ndarray:
    """Train two batches and a smaller one, and evaluate the last, on the backend of this process.

    Returns:
        (4, 3): the sums of the scores of each.
    """
    model = build_unet(architecture, seed=752)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    stepper, generator = build_stepper(model, optimizer, architecture), np.random.default_rng(752)
    size, sums = 4 * architecture.stride, []
    for patches in (5, 5, 3):
        images = generator.normal(size=(patches, size, size, 1)).astype(np.float32)
        labels = (images > 0.5).astype(np.float32)
        sums.append(stepper.train(images, labels, patches_at_once=8))
    return np.array([*sums, stepper.evaluate(images, labels, patches_at_once=8)])
