from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tem_rf.data.splits import SPLITS, SplitSizes, named_micrographs, split_by_micrograph, split_in_order
from tem_rf.errors import DatasetError, SettingsError


@given(st.integers(3, 60), st.integers(0, 5))
def test_no_split_is_empty_and_training_is_the_largest(number: int, seed: int) -> None:
    fractions = np.random.default_rng(seed).random(number)
    counts = Counter(split_by_micrograph(fractions, seed))
    assert set(counts) == set(SPLITS)
    assert counts["train"] == max(counts.values())
    assert abs(counts["validation"] - number / 10) <= 1


def test_twenty_micrographs_divide_14_2_4() -> None:
    assert Counter(split_by_micrograph(np.linspace(0, 1, 20), 3)) == {"train": 14, "validation": 2, "test": 4}


def test_every_split_spans_the_particle_fractions() -> None:
    fractions = np.random.default_rng(1).permutation(np.linspace(0, 1, 100))
    splits = np.array(split_by_micrograph(fractions, 0))
    for split in SPLITS:
        members = fractions[splits == split]
        assert members.min() < 0.2
        assert members.max() > 0.8
        assert abs(members.mean() - 0.5) < 0.06


def test_the_seed_decides_who_is_where() -> None:
    fractions = np.linspace(0, 1, 20)
    assert split_by_micrograph(fractions, 0) == split_by_micrograph(fractions, 0)
    assert len({tuple(split_by_micrograph(fractions, seed)) for seed in range(5)}) == 5


def test_two_micrographs_are_refused_naming_the_ordered_split() -> None:
    with pytest.raises(DatasetError, match=r"2 labelled micrographs.*at least 3.*`split` study"):
        split_by_micrograph(np.array([0.1, 0.2]), 0)


def test_the_ordered_split_keeps_the_order() -> None:
    assert split_in_order(10) == ["train"] * 7 + ["validation"] + ["test"] * 2


def test_two_patches_cannot_be_split() -> None:
    with pytest.raises(DatasetError, match=r"2 patches.*at least 3"):
        split_in_order(2)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (SplitSizes(train=3), {"train": 3, "validation": 2, "test": 4}),
        (SplitSizes(validation=0, test=0), {"train": 9}),
        (SplitSizes(3, 1, 5), {"train": 3, "validation": 1, "test": 5}),
        (SplitSizes(test=7), {"train": 1, "validation": 1, "test": 7}),
    ],
)
def test_sizes_that_are_given_are_kept(sizes: SplitSizes, expected: dict[str, int]) -> None:
    assert Counter(split_by_micrograph(np.linspace(0, 1, 9), 0, sizes)) == expected


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            SplitSizes(train=8),
            "`train_count` 8: expected sizes for 9 micrographs that leave at least one for",
        ),
        (SplitSizes(3, 1, 2), "expected sizes for 9 micrographs, received 6; change one, or leave one out"),
    ],
)
def test_sizes_that_do_not_add_up_are_refused(sizes: SplitSizes, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        split_by_micrograph(np.linspace(0, 1, 9), 0, sizes)


def test_micrographs_are_named_with_or_without_ending_or_by_pattern() -> None:
    names = ["au_1.tif", "au_2.tif", "set/au_3.tif", "pt.h5#4"]
    assert named_micrographs(names, ["au_1", "au_2.tif"]) == [0, 1]
    assert named_micrographs(names, ["au_3", "pt*"]) == [2, 3]
    with pytest.raises(SettingsError, match=r"`test_names`: no micrograph is named 'ag'; expected one of au_1.tif"):
        named_micrographs(names, ["ag"])
    with pytest.raises(SettingsError, match="names all micrographs"):
        named_micrographs(names, ["*"])
