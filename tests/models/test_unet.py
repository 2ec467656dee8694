"""The network is the study's: same numbers from the same weights, same count of parameters."""

import json
from typing import Any

import numpy as np
import pytest

from tem_rf import Architecture, build_unet
from tests.helpers.repository import REFERENCE_NETWORKS, shared_file


def load_weights(model: Any, arrays: Any) -> None:
    for layer in model.layers:
        if not layer.weights:
            continue
        block, _, part = layer.name.partition("_")
        for weight in layer.weights:
            weight.assign(arrays[f"w/{block}/{part or 'conv'}/{weight.name}"])


@pytest.mark.reference
@pytest.mark.parametrize("portable", [True, False])
@pytest.mark.parametrize("name", REFERENCE_NETWORKS)
def test_logits_equal_those_of_the_study_with_its_weights(name: Any, portable: bool) -> None:
    arrays = np.load(shared_file("reference", f"unet_{name}.npz"))
    meta = json.loads(str(arrays["meta"]))
    architecture = Architecture(tuple(meta["pool_sequence"]), dilation_sequence=tuple(meta["dilation"]))
    model = build_unet(architecture, portable=portable)
    load_weights(model, arrays)
    assert architecture.parameters == meta["trainable_parameters"]
    np.testing.assert_allclose(model.predict(arrays["image"], verbose=0), arrays["logits"], rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        "n1-p2",
        "n2-p48",
        "n3-p222",
        "n4-p2222",
        "n2-p22-d112",
        "n2-p22-k5",
        "n2-p22-f3.5.7",
        "n2-p22-c3-f6-average-bilinear",
        "n2-p22-d124-smooth",
        "n1-p2-instance",
    ],
)
def test_parameters_counted_from_the_architecture_are_those_of_the_model(name: str) -> None:
    architecture = Architecture.from_name(name)
    model = build_unet(architecture)
    assert architecture.parameters == sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_architectures_of_one_depth_start_from_identical_weights() -> None:
    first, second, other_seed = (
        build_unet(Architecture.from_name(name), seed=seed).get_weights()
        for name, seed in [("n2-p22", 752), ("n2-p88-d124", 752), ("n2-p22", 140)]
    )
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first[0], other_seed[0])


def test_any_height_and_width_divisible_by_the_stride_works() -> None:
    model = build_unet(Architecture((2, 4)))
    assert model(np.zeros((1, 24, 56, 1), np.float32)).shape == (1, 24, 56, 2)


def test_fused_and_keras_batch_normalization_agree_while_training() -> None:
    image = np.random.default_rng(0).normal(size=(4, 32, 32, 1)).astype(np.float32)
    fused, portable = (build_unet(Architecture((2, 2)), seed=3, portable=portable) for portable in (False, True))
    np.testing.assert_allclose(fused(image, training=True), portable(image, training=True), atol=1e-5)
    for one, two in zip(fused.weights, portable.weights, strict=True):
        assert one.path == two.path
        np.testing.assert_allclose(one, two, atol=2e-3)  # the moving variance is unbiased in one of them
