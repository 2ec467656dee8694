"""Architectures: their names, their JSON and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from tem_rf import Architecture
from tem_rf.architecture.receptive_field import equation_size
from tem_rf.architecture.shape import MAX_FIELD_PX, MAX_STRIDE_PX
from tem_rf.errors import ArchitectureError
from tests.helpers.architectures import architectures


def is_smaller_than_any_micrograph(architecture: Architecture) -> bool:
    return architecture.stride <= MAX_STRIDE_PX and equation_size(architecture) <= MAX_FIELD_PX


@settings(deadline=None, derandomize=True)
@given(architectures().filter(is_smaller_than_any_micrograph))
def test_names_and_json_are_read_back(architecture: Architecture) -> None:
    assert Architecture.from_name(architecture.name) == architecture
    assert Architecture.from_json(json.loads(json.dumps(architecture.to_json()))) == architecture


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"pooling_sequence": (4, 4)}, "n2-p44"),
        ({"pooling_sequence": (16,)}, "n1-p16."),
        ({"pooling_sequence": (16, 2)}, "n2-p16.2"),
        ({"pooling_sequence": (2, 2), "dilation_sequence": (1, 1, 2)}, "n2-p22-d112"),
        ({"pooling_sequence": (2, 2), "kernel_size": 5, "convolutions_per_block": 3}, "n2-p22-k5-c3"),
        ({"pooling_sequence": (2, 2), "filter_sequence": (8, 16, 32)}, "n2-p22-f8"),
        ({"pooling_sequence": (2, 2), "filter_sequence": (8, 16, 24)}, "n2-p22-f8.16.24"),
        (
            {"pooling_sequence": (2, 2), "dilation_sequence": (1, 1, 2), "smoothing": "shared", "pooling": "average"},
            "n2-p22-d112-average-smooth",
        ),
    ],
)
def test_a_name_says_every_departure_from_the_study(fields: dict[str, Any], name: str) -> None:
    assert Architecture(**fields).name == name


def test_filters_stay_those_of_the_study_unless_given() -> None:
    assert Architecture((2, 2, 2, 2)).filter_sequence == (4, 8, 16, 32, 64)


@pytest.mark.parametrize(("depth", "parameters"), [(2, 8074), (3, 32730), (4, 130682)])
def test_parameters_are_those_the_study_reports(depth: int, parameters: int) -> None:
    assert Architecture((2,) * depth).parameters == parameters


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pooling_sequence": ()}, "pooling_sequence: expected one or more sizes"),
        ({"pooling_sequence": (2, 0)}, r"at least 1, received \[2, 0\]"),
        ({"pooling_sequence": (2, 2.0)}, "whole numbers"),
        ({"pooling_sequence": (2, 2), "dilation_sequence": (1, 2)}, "dilation_sequence: expected 3 sizes for depth 2"),
        ({"pooling_sequence": (2, 2), "filter_sequence": (4, 8)}, "filter_sequence: expected 3 sizes"),
        ({"pooling_sequence": (2,), "kernel_size": 4}, "kernel_size: expected an odd whole number, received 4"),
        ({"pooling_sequence": (2,), "kernel_size": 0}, "kernel_size: .* at least 1"),
        ({"pooling_sequence": (2,), "convolutions_per_block": 0}, "convolutions_per_block: .* at least 1"),
        ({"pooling_sequence": (1,) * 17}, "pooling_sequence: expected at most 16 sizes, received 17"),
        ({"pooling_sequence": (2,), "dilation_sequence": (1,) * 999}, "dilation_sequence: expected at most 17 sizes"),
        ({"pooling_sequence": (2,), "dilation_sequence": (1, 1025)}, "dilation_sequence: .* of at most 1024"),
        ({"pooling_sequence": (2,), "filter_sequence": (2**20,)}, "filter_sequence: .* of at most 1048576"),
        ({"pooling_sequence": (2,), "kernel_size": 65}, "kernel_size: .* of at most 63, received 65"),
        ({"pooling_sequence": (2,), "convolutions_per_block": 33}, "convolutions_per_block: .* of at most 32"),
        ({"pooling_sequence": (2,), "pooling": "median"}, "pooling: expected max or average, received 'median'"),
        ({"pooling_sequence": (2,), "upsampling": "cubic"}, "upsampling: expected nearest or bilinear"),
        ({"pooling_sequence": (2,), "smoothing": "shared"}, "smoothing: has no effect"),
        ({"pooling_sequence": (2,), "normalization": "layer"}, "normalization: expected batch or instance"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message) as failure:
        Architecture(**fields)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n2-p888", "depth 2 needs 2 pooling sizes, received 3"),
        ("n2", "is not an architecture"),
        ("unet", "is not an architecture"),
        ("n2-p22-k5-k3", "kernel_size is given twice"),
        ("n2-p22-k4", "kernel_size: expected an odd"),
        ("n2-p22-median", "cannot read 'median'"),
        ("n2-p22-d11", "dilation_sequence: expected 3 sizes"),
        ("n2-p2.x", "cannot read 'p2.x'"),
        ("", "is not an architecture"),
        ("n2-p22-c300000", "convolutions_per_block: expected sizes of at most 32"),
        ("n" + "9" * 5000, "'n9999999999999999999' and 4981 more characters: not an architecture"),
    ],
)
def test_names_without_a_meaning_are_refused_in_one_line(name: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message) as failure:
        Architecture.from_name(name)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("content", [{}, {"pooling_sequence": [2], "colour": 1}, {"pooling_sequence": 2}])
def test_json_of_something_else_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ArchitectureError):
        Architecture.from_json(content)
