"""Choosing an architecture by what it sees."""

import math

import pytest

from tem_rf import Architecture, build_unet
from tem_rf.architecture.design import (
    activation_memory_mb,
    describe,
    enumerate_architectures,
    full_view_fraction,
    nearest_per_depth,
)
from tem_rf.errors import ArchitectureError


def test_the_study_has_nine_twenty_seven_and_eighty_one_architectures() -> None:
    listed = enumerate_architectures([2, 3, 4])
    assert len(listed) == len(set(listed)) == 9 + 27 + 81
    assert [architecture.name for architecture in listed[:4]] == ["n2-p22", "n2-p24", "n2-p28", "n2-p42"]


def test_a_limit_leaves_out_exactly_what_sees_farther() -> None:
    every, limited = enumerate_architectures([2, 3]), enumerate_architectures([2, 3], max_px=120)
    assert limited == [each for each in every if each.receptive_field.size_px.mean <= 120]
    assert "n2-p44" in [each.name for each in limited]  # 120 px, on the limit


def test_a_limit_leaves_out_what_sees_the_whole_image() -> None:
    assert enumerate_architectures([2], parts="instance", max_px=1e9) == []


def test_shared_parts_are_those_of_a_name() -> None:
    listed = enumerate_architectures([1], poolings=[2, 16], parts="k5-average-bilinear")
    assert [each.name for each in listed] == ["n1-p2-k5-average-bilinear", "n1-p16.-k5-average-bilinear"]


@pytest.mark.parametrize(
    ("depths", "poolings", "parts", "message"),
    [
        ([0], [2], "", "depth: expected whole numbers from 1 to 16, received 0"),
        ([300_000_000], [2, 4], "", "depth: expected whole numbers from 1 to 16"),
        ([2], [0], "", "pooling_sequence: .* at least 1"),
        ([2], [2], "median", "cannot read 'median'"),
        ([2], [2], "p22", "pooling_sequence is given twice"),
    ],
)
def test_what_cannot_be_enumerated_is_refused(depths: list[int], poolings: list[int], parts: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        enumerate_architectures(depths, poolings=poolings, parts=parts)


def test_nearest_fields_are_one_per_depth() -> None:
    listed = enumerate_architectures([2, 3, 4])
    target_px = 2.6 / 0.02152
    matches = nearest_per_depth(listed, target_px)
    assert [each.depth for each in matches] == [2, 3, 4]
    for match in matches:
        distance = abs(match.receptive_field.size_px.mean - target_px)
        others = [each for each in listed if each.depth == match.depth]
        assert distance == min(abs(each.receptive_field.size_px.mean - target_px) for each in others)


@pytest.mark.parametrize("name", ["n1-p2", "n2-p42-f3.5.7", "n2-p22-d121-c3-smooth", "n2-p24-average-bilinear"])
def test_activation_memory_is_that_of_the_layers_of_the_model(name: str) -> None:
    architecture, patch_size = Architecture.from_name(name), 64
    values = 0.0
    for layer in build_unet(architecture).layers[1:]:  # without the input
        channels = math.prod(side for side in layer.output.shape if side is not None)
        values += channels * _relative_area(layer.name, architecture) * patch_size**2
    assert activation_memory_mb(architecture, patch_size) == pytest.approx(values * 4 / 1e6)


def _relative_area(layer_name: str, architecture: Architecture) -> float:
    place = layer_name.split("_")[0]
    level = architecture.depth if place == "bottleneck" else int("".join(filter(str.isdigit, place)) or 0)
    jump_px = 1
    for factor in architecture.pooling_sequence[: level + layer_name.endswith("_pool")]:
        jump_px *= factor
    return 1 / jump_px**2


def test_pixels_with_a_full_view_are_those_farther_than_the_reach_from_the_border() -> None:
    assert full_view_fraction(Architecture((2, 2)), 46) == 0
    assert full_view_fraction(Architecture((2, 2)), 92) == 0.25
    assert full_view_fraction(Architecture((2, 2), normalization="instance"), 512) == 0


def test_a_description_gives_the_same_lengths_in_nanometres() -> None:
    record = describe(Architecture((8, 8)), patch_size=512, pixel_size_nm=0.02152)
    assert (record["size_min_px"], record["size_mean_px"], record["size_max_px"]) == (356, 392.0, 420)
    assert record["equation_size_nm"] == pytest.approx(8.436, abs=1e-3)
    assert record["reach_nm"] == pytest.approx(227 * 0.02152)
    assert (
        describe(Architecture((2,), normalization="instance"), patch_size=512, pixel_size_nm=1)["size_max_nm"] is None
    )
