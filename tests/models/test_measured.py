"""The calculated receptive field is the one a live model has."""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tem_rf import Architecture, build_unet
from tem_rf.errors import ModelError
from tests.helpers.measured import lit_copy, measure_receptive_field


@st.composite
def architectures(
    draw: st.DrawFn, *, depths: Sequence[int], poolings: Sequence[int], dilations: Sequence[int]
) -> Architecture:
    upsampling: Literal["nearest", "bilinear"] = draw(st.sampled_from(["nearest", "bilinear"]))
    sizes = [size for size in poolings if upsampling == "nearest" or size == 1 or size % 2 == 0]
    depth = draw(st.sampled_from(depths))
    dilation_sequence = draw(st.tuples(*[st.sampled_from(dilations)] * (depth + 1)))
    return Architecture(
        draw(st.tuples(*[st.sampled_from(sizes)] * depth)),
        filter_sequence=(1,) * (depth + 1),
        dilation_sequence=dilation_sequence,
        kernel_size=draw(st.sampled_from([1, 3, 5])),
        convolutions_per_block=draw(st.sampled_from([1, 2, 3])),
        pooling=draw(st.sampled_from(["max", "average"])),
        upsampling=upsampling,
        smoothing=draw(st.sampled_from(["none", "shared"])) if max(dilation_sequence) > 1 else "none",
    )


@settings(deadline=None, derandomize=True, max_examples=40)
@example(Architecture.from_name("n1-p1-d44"))  # holes that reach the input
@example(Architecture.from_name("n1-p2-d16"))
@example(Architecture.from_name("n2-p22-d124-smooth"))
@example(Architecture.from_name("n2-p44-bilinear-average"))
@given(architectures(depths=[1, 2], poolings=[1, 2, 3, 4, 5], dilations=[1, 1, 2, 5]))
def test_calculated_field_is_the_measured_one_at_every_phase(architecture: Architecture) -> None:
    measured = measure_receptive_field(build_unet(architecture), architecture)
    assert measured == architecture.receptive_field.dependence


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(deadline=None, derandomize=True, max_examples=150)
@example(Architecture.from_name("n4-p1111-d12277-f1.1.1.1.1-smooth"))  # light dies away over 30 kernels
@given(architectures(depths=[1, 2, 3, 4], poolings=[1, 2, 3, 4, 6], dilations=[1, 1, 2, 3, 7]))
def test_calculated_field_is_the_measured_one_for_many_architectures(architecture: Architecture) -> None:
    assume(architecture.stride <= 48 and architecture.receptive_field.reach_px <= 600)
    measured = measure_receptive_field(build_unet(architecture), architecture)
    assert measured == architecture.receptive_field.dependence


@pytest.mark.parametrize("name", ["n2-p22", "n2-p24", "n2-p44", "n2-p88"])
def test_networks_of_the_study_see_what_is_calculated(name: str) -> None:
    architecture = Architecture.from_name(name)
    measured = measure_receptive_field(build_unet(architecture, seed=752), architecture)
    assert measured == architecture.receptive_field.dependence


def test_both_axes_are_alike_and_independent() -> None:
    architecture = Architecture.from_name("n2-p23-d131")
    model, window_px, (row, column) = lit_copy(build_unet(architecture)), 120, (61, 58)
    image = np.zeros((1, window_px, window_px, 1), np.float32)
    image[0, row, column] = 1
    lit = keras.ops.convert_to_numpy(model(image, training=False))[0].any(axis=-1)

    def sees(output: int, source: int) -> bool:
        intervals = architecture.receptive_field.dependence[output % architecture.stride]
        return any(first <= source - output <= last for first, last in intervals)

    rows = [sees(output, row) for output in range(window_px)]
    columns = [sees(output, column) for output in range(window_px)]
    np.testing.assert_array_equal(lit, np.outer(rows, columns))


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 7])
def test_bilinear_upsampling_of_keras_mixes_the_pixels_that_are_calculated(factor: int) -> None:
    architecture = Architecture((factor,), kernel_size=1, upsampling="bilinear")
    coarse = np.zeros((1, 1, 9, 1), np.float32)
    coarse[0, 0, 4] = 1
    lit = keras.ops.convert_to_numpy(keras.layers.UpSampling2D(factor, interpolation="bilinear")(coarse))[0, 0, :, 0]
    for output in range(2 * factor, 7 * factor):
        (first, last), *_ = architecture.receptive_field.dependence[output % factor]
        sees = output + first <= 4 * factor and 5 * factor - 1 <= output + last
        assert (lit[output] > 1e-6) == sees


def test_measuring_leaves_the_model_as_it_is() -> None:
    model = build_unet(Architecture((2,)), seed=4)
    before = model.get_weights()
    measure_receptive_field(model, Architecture((2,)))
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("window_px", [20, 45, 88])
def test_a_window_that_is_not_larger_than_twice_the_reach_is_refused(window_px: int) -> None:
    architecture = Architecture((4, 4))  # reach 67
    with pytest.raises(ModelError, match=r"window_px: .* larger than twice the reach of 67 px.*use 176"):
        measure_receptive_field(build_unet(architecture), architecture, window_px=window_px)


def test_a_larger_window_measures_the_same() -> None:
    architecture = Architecture((2, 2))
    model = build_unet(architecture)
    assert measure_receptive_field(model, architecture, window_px=128) == architecture.receptive_field.dependence


def test_a_model_that_sees_farther_than_its_architecture_is_refused() -> None:
    with pytest.raises(ModelError, match="the model sees farther than n1-p2 does"):
        measure_receptive_field(build_unet(Architecture((2,), kernel_size=7)), Architecture((2,)))


def test_layers_that_look_at_the_whole_image_are_refused() -> None:
    architecture = Architecture((2,), normalization="instance")
    model = build_unet(architecture)
    with pytest.raises(ModelError, match="sees the whole image"):
        measure_receptive_field(model, architecture)
    with pytest.raises(ModelError, match="GroupNormalization 'encoder0_bn1' cannot be measured"):
        measure_receptive_field(model, Architecture((2,)))


def test_odd_bilinear_factors_are_refused() -> None:
    architecture = Architecture((3,), upsampling="bilinear")
    with pytest.raises(ModelError, match="measure even factors"):
        measure_receptive_field(build_unet(architecture), architecture)


def test_light_that_dies_away_is_not_taken_for_darkness() -> None:
    architecture = Architecture.from_name("n4-p1111-d12277-k11-c3-f1.1.1.1.1-smooth")
    with pytest.raises(ModelError, match="too near the limits of float32"):
        measure_receptive_field(build_unet(architecture), architecture)
