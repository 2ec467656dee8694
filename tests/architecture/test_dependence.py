"""Receptive fields solved by hand."""

from typing import Any

import pytest

from tem_rf import Architecture


@pytest.mark.parametrize(
    ("name", "equation_size_px", "size_px", "reach_px"),
    [
        ("n2-p22", 44, (44, 44.0, 44), 23),
        ("n2-p24", 64, (60, 64.0, 68), 35),
        ("n2-p44", 120, (116, 120.0, 132), 67),
        ("n2-p88", 392, (356, 392.0, 420), 227),
        ("n1-p2", 18, (18, 18.0, 18), 9),
    ],
)
def test_exact_field_is_the_one_solved_by_hand(
    name: str, equation_size_px: int, size_px: tuple[int, float, int], reach_px: int
) -> None:
    field = Architecture.from_name(name).receptive_field
    assert (field.equation_size_px, field.size_px, field.reach_px) == (equation_size_px, size_px, reach_px)


def test_every_width_published_in_the_study_follows_from_equation_1() -> None:
    published = {"22": 44, "24": 64, "28": 104, "42": 80, "44": 120, "48": 200, "82": 152, "84": 232, "88": 392}
    calculated = {p: Architecture.from_name(f"n2-p{p}").receptive_field.equation_size_px for p in published}
    assert calculated == published


def test_dilation_without_pooling_leaves_holes() -> None:
    field = Architecture((1,), dilation_sequence=(4, 4)).receptive_field
    # three blocks of two kernels with taps at -4, 0, 4
    assert field.dependence == (tuple((tap, tap) for tap in range(-24, 25, 4)),)
    assert field.has_holes
    assert field.size_px.max == field.equation_size_px == 49


def test_dilation_of_the_bottleneck_leaves_holes_that_pooling_and_kernels_do_not_fill() -> None:
    field = Architecture((2,), dilation_sequence=(1, 6)).receptive_field
    # Phase 0: 0 -> -2..2 -> coarse -1..1 -> taps -12, -6, 0, 6, 12 around them -> pairs of pixels -> 2 px either side
    assert field.dependence[0] == tuple((12 * tap - 4, 12 * tap + 5) for tap in (-2, -1, 0, 1, 2))
    assert not Architecture((2,), dilation_sequence=(1, 3)).receptive_field.has_holes


def test_a_hole_of_one_coarse_pixel_stays_a_hole() -> None:
    field = Architecture.from_name("n1-p4-d13-c1").receptive_field
    # Phase 0: 0 -> -1..1 -> coarse -1..0 -> -4..-3, -1..0, 2..3 -> windows of 4 px -> 1 px either side
    assert field.dependence[0] == ((-17, -8), (-5, 4), (7, 16))


def test_a_network_of_1_px_kernels_sees_its_pooling_window_only() -> None:
    field = Architecture((4,), kernel_size=1).receptive_field
    assert field.dependence == (((0, 3),), ((-1, 2),), ((-2, 1),), ((-3, 0),))
    assert (field.size_px, field.reach_px) == ((4, 4.0, 4), 3)


def test_the_deepest_network_of_the_study_is_traced_at_every_phase() -> None:
    field = Architecture((8, 8, 8, 8)).receptive_field
    assert len(field.dependence) == 4096
    assert (field.equation_size_px, field.reach_px) == (25160, 14627)


def test_bilinear_upsampling_mixes_the_two_nearest_coarse_pixels() -> None:
    one_px: dict[str, Any] = {"kernel_size": 1, "upsampling": "bilinear"}
    # even factor: pixel 0 of a window of 2 lies between the coarse pixels -1 and 0
    assert Architecture((2,), **one_px).receptive_field.dependence == (((-2, 1),), ((-1, 2),))
    # odd factor: the middle pixel lies on one coarse pixel
    assert Architecture((3,), **one_px).receptive_field.dependence == (((-3, 2),), ((-1, 1),), ((-2, 3),))


def test_smoothing_fills_the_holes_of_dilation() -> None:
    dilated = Architecture((1,), dilation_sequence=(1, 4), kernel_size=3)
    smoothed = Architecture((1,), dilation_sequence=(1, 4), kernel_size=3, smoothing="shared")
    only_dilated_block: dict[str, Any] = {"dilation_sequence": (4, 4), "convolutions_per_block": 1}
    assert Architecture((1,), **only_dilated_block).receptive_field.has_holes
    assert not Architecture((1,), **only_dilated_block, smoothing="shared").receptive_field.has_holes
    assert smoothed.receptive_field.equation_size_px == dilated.receptive_field.equation_size_px + 2 * 6


def test_average_pooling_sees_what_maximum_pooling_sees() -> None:
    average, maximum = (Architecture((4, 2), pooling=pooling) for pooling in ("average", "max"))
    assert average.receptive_field == maximum.receptive_field


def test_instance_normalization_sees_the_whole_image() -> None:
    field = Architecture((2, 2), normalization="instance").receptive_field
    assert (field.size_px, field.reach_px, field.dependence) == (None, None, None)
    assert field.equation_size_px == 44


def test_convolutions_per_block_and_kernels_widen_the_field() -> None:
    # per block and jump: convolutions * (kernel - 1); n1-p2 has jumps 1, 2, 1 and a window of 2
    assert Architecture((2,), convolutions_per_block=3).receptive_field.equation_size_px == 1 + 2 * 6 + 1 + 2 * 6
    assert Architecture((2,), kernel_size=7).receptive_field.equation_size_px == 1 + 2 * 12 + 1 + 2 * 12
