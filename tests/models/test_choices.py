"""The choices beyond the study: smoothing, average pooling, bilinear upsampling, instance normalization."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tem_rf import Architecture, build_unet
from tem_rf.models.layers import BilinearUpsampling

IMAGE = np.random.default_rng(0).normal(size=(2, 24, 36, 1)).astype(np.float32)


def logits(model: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(IMAGE, training=False))


def test_a_smoothed_network_starts_as_the_dilated_one() -> None:
    dilated, smoothed = (build_unet(Architecture.from_name(name), seed=5) for name in ("n1-p2-d13", "n1-p2-d13-smooth"))
    np.testing.assert_array_equal(logits(smoothed), logits(dilated))
    assert smoothed.count_params() == dilated.count_params() + 2 * 5**2


def test_one_smoothing_kernel_serves_every_channel() -> None:
    model = build_unet(Architecture.from_name("n1-p2-d13-smooth"), seed=5)
    before = logits(model)
    kernel = model.get_layer("bottleneck_smooth1").kernel
    kernel.assign(2 * kernel)
    doubled = build_unet(Architecture.from_name("n1-p2-d13"), seed=5)
    doubled.get_layer("bottleneck_conv1").kernel.assign(2 * doubled.get_layer("bottleneck_conv1").kernel)
    np.testing.assert_allclose(logits(model), logits(doubled), atol=1e-6)
    assert not np.allclose(logits(model), before)


@pytest.mark.parametrize("name", ["n2-p22-d124-smooth", "n2-p22-c3-average-bilinear", "n1-p2-instance"])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, while it saves
def test_a_saved_network_is_loaded_without_this_package(name: str, tmp_path: Path) -> None:
    model = build_unet(Architecture.from_name(name), seed=2, portable=True)
    model.save(tmp_path / "model.keras")
    assert "tem_rf" not in model.to_json()
    np.testing.assert_array_equal(logits(keras.models.load_model(tmp_path / "model.keras")), logits(model))


def test_instance_normalization_makes_an_image_independent_of_its_batch() -> None:
    model = build_unet(Architecture.from_name("n1-p2-instance"), seed=2)
    alone = keras.ops.convert_to_numpy(model(IMAGE[:1], training=True))
    np.testing.assert_allclose(logits(model)[:1], alone, atol=1e-5)


def test_average_pooling_and_bilinear_upsampling_change_the_network() -> None:
    plain, average, bilinear = (
        logits(build_unet(Architecture.from_name(name), seed=2))
        for name in ("n1-p4", "n1-p4-average", "n1-p4-bilinear")
    )
    assert not np.allclose(plain, average)
    assert not np.allclose(plain, bilinear)


@pytest.mark.parametrize("name", ["n2-p23-average-bilinear", "n1-p2-d13-smooth", "n1-p2-instance"])
def test_images_of_any_size_go_through_a_graph(name: str) -> None:
    import tensorflow as tf

    model = build_unet(Architecture.from_name(name), seed=2)
    any_size = tf.function(lambda x: model(x, training=False), [tf.TensorSpec((None, None, None, 1), tf.float32)])
    for image in (IMAGE, IMAGE[:1, :12, :18]):
        expected = keras.ops.convert_to_numpy(model(image, training=False))
        np.testing.assert_allclose(any_size(image).numpy(), expected, atol=1e-5)


def test_bilinear_upsampling_is_that_of_keras() -> None:
    architecture = Architecture.from_name("n2-p23-bilinear")
    own, keras_own = (build_unet(architecture, seed=2, portable=portable) for portable in (False, True))
    np.testing.assert_array_equal(logits(own), logits(keras_own))


def test_bilinear_upsampling_of_half_precision_stays_in_half_precision() -> None:
    layer = BilinearUpsampling(2, dtype="bfloat16")
    assert layer(keras.ops.ones((1, 4, 4, 1), "bfloat16")).dtype == "bfloat16"
