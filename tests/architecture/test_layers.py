"""The list of layers, from which equation (1) and all counts come."""

import pytest
from hypothesis import assume, given, settings

from tem_rf import Architecture
from tem_rf.architecture.layers import layers
from tests.helpers.architectures import architectures


def test_the_layers_of_a_small_network_are_those_counted_by_hand() -> None:
    rows = [
        (layer.name, layer.size, layer.jump_px, layer.filters, layer.parameters)
        for layer in layers(Architecture((2,), filter_sequence=(2, 3), dilation_sequence=(1, 2), smoothing="shared"))
    ]
    assert rows == [
        ("encoder0_conv1", 3, 1, 2, 9 * 2 + 6),
        ("encoder0_conv2", 3, 1, 2, 9 * 4 + 6),
        ("encoder0_skip", 1, 1, 2, 4),
        ("encoder0_pool", 2, 1, 2, 0),
        ("bottleneck_smooth1", 3, 2, 2, 9),
        ("bottleneck_conv1", 3, 2, 3, 9 * 6 + 9),
        ("bottleneck_smooth2", 3, 2, 3, 9),
        ("bottleneck_conv2", 3, 2, 3, 9 * 9 + 9),
        ("bottleneck_skip", 1, 2, 3, 9),
        ("decoder0_upsample", 2, 2, 3, 0),
        ("decoder0_conv1", 3, 1, 2, 9 * 10 + 6),
        ("decoder0_conv2", 3, 1, 2, 9 * 4 + 6),
        ("decoder0_skip", 1, 1, 2, 12),
        ("head", 1, 1, 2, 6),
    ]


@settings(deadline=None, derandomize=True)
@given(architectures())
def test_jumps_grow_by_pooling_and_come_back_to_one(architecture: Architecture) -> None:
    listed = layers(architecture)
    assert max(layer.jump_px for layer in listed) == architecture.stride
    assert listed[0].jump_px == listed[-1].jump_px == 1
    assert sum(layer.parameters for layer in listed) == architecture.parameters


@settings(deadline=None, derandomize=True, max_examples=60)
@given(architectures())
def test_equation_1_is_the_mean_exact_width_and_bilinear_upsampling_adds_to_it(architecture: Architecture) -> None:
    field = architecture.receptive_field
    assume(architecture.normalization == "batch")
    if architecture.upsampling == "nearest":
        assert field.size_px.mean == pytest.approx(field.equation_size_px)
    else:
        assert field.size_px.mean >= field.equation_size_px
