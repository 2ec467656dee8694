"""A folded network is the same function of the same variables."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tem_rf import Architecture, build_unet
from tem_rf.models.folding import FoldedUnet, can_fold, fold, fold_kernel, in_folded_order


def images_of(size: int = 32) -> np.ndarray:
    return np.random.default_rng(752).normal(size=(2, size, size, 1)).astype(np.float32)


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("is_upsampled", [False, True])
def test_a_folded_kernel_does_to_folded_images_what_the_kernel_does_to_images(
    kernel_size: int, is_upsampled: bool
) -> None:
    generator = np.random.default_rng(752)
    kernel = generator.normal(size=(kernel_size, kernel_size, 3, 2)).astype(np.float32)
    x = generator.normal(size=(1, 8, 8, 3)).astype(np.float32)
    image = np.repeat(np.repeat(x, 2, axis=1), 2, axis=2) if is_upsampled else x
    expected = fold(keras.ops.conv(image, kernel, padding="same"))
    folded = keras.ops.conv(
        x if is_upsampled else fold(x), fold_kernel(tf.constant(kernel), is_upsampled=is_upsampled), padding="same"
    )
    np.testing.assert_allclose(folded, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture((2, 2)),
        Architecture((2,)),
        Architecture((4, 2)),
        Architecture((2, 2), normalization="instance"),
    ],
    ids=lambda architecture: f"{architecture.name}-{architecture.normalization}",
)
def test_logits_gradients_and_moving_statistics_are_those_of_the_network(architecture: Architecture) -> None:
    images, weights = images_of(), np.random.default_rng(1).normal(size=(2, 32, 32, 2)).astype(np.float32)
    plain, model = build_unet(architecture, seed=752), build_unet(architecture, seed=752)
    with tf.GradientTape() as tape:
        expected = plain(images, training=True)
        loss = tf.reduce_mean(expected * weights)
    gradients = tape.gradient(loss, plain.trainable_variables)
    with tf.GradientTape() as tape:
        logits = FoldedUnet(model, architecture).logits(images)
        loss = tf.reduce_mean(logits * in_folded_order(tf.constant(weights)))
    np.testing.assert_allclose(logits, in_folded_order(expected), rtol=0, atol=1e-5)
    for one, other in zip(tape.gradient(loss, model.trainable_variables), gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    for one, other in zip(model.non_trainable_variables, plain.non_trainable_variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture((3, 2)),
        Architecture((2, 2), dilation_sequence=(2, 1, 1)),
        Architecture((2, 2), upsampling="bilinear"),
        Architecture((2, 2), pooling="average"),
    ],
    ids=lambda architecture: architecture.name,
)
def test_other_architectures_are_left_as_they_are(architecture: Architecture) -> None:
    assert not can_fold(architecture)
