from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tem_rf.data.splits import SPLITS, split_by_micrograph, split_in_order
from tem_rf.errors import DatasetError


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
