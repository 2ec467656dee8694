"""A network compiled for inference gives the logits of the live one."""

import keras
import numpy as np
import pytest

from tem_rf import Architecture
from tem_rf.models.merging import compile_inference, merge_normalization
from tests.helpers.networks import trained


@pytest.mark.parametrize(
    ("architecture", "sides"),
    [
        (Architecture((2, 2)), (3, 5)),
        (Architecture((4, 2), dilation_sequence=(1, 1, 2)), (2, 1)),
        (Architecture((3,), dilation_sequence=(1, 2), smoothing="shared", upsampling="bilinear"), (4, 5)),
        (Architecture((2,), pooling="average"), (1, 6)),
        (Architecture((2,), normalization="instance"), (5, 4)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_logits_are_those_of_the_live_network(architecture: Architecture, sides: tuple[int, ...]) -> None:
    model = trained(architecture)
    shape = tuple(side * architecture.stride for side in sides)
    images = np.random.default_rng(2).normal(size=(2, *shape, 1)).astype(np.float32)
    live = np.asarray(model(images, training=False))
    np.testing.assert_allclose(compile_inference(model, architecture)(images), live, atol=1e-4)


@pytest.mark.parametrize("name", ["n2-p22", "n1-p4"])
def test_no_normalization_is_left_and_the_network_is_as_it_was(name: str) -> None:
    model = trained(Architecture.from_name(name))
    before = model.get_weights()
    merged = merge_normalization(model)
    assert not [layer for layer in merged.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
