"""What to label next: where networks disagree, and what is unlike the labels."""

import numpy as np
import pytest

from tem_rf.labelling.suggestions import describe_patch, expected_gain, select_patches

RANDOM = np.random.default_rng(0)


def test_the_patch_on_which_networks_disagree_most_comes_first() -> None:
    alike = np.zeros((5, 2)) + 0.001 * RANDOM.normal(size=(5, 2))
    order = [index for index, *_ in select_patches(np.array([1.0, 5, 2, 4, 3]), alike, np.zeros((0, 2)), 3)]
    assert order[0] == 1
    assert len(set(order)) == 3


def test_what_is_unlike_the_labels_comes_before_what_is_like_them() -> None:
    labelled = np.zeros((4, 2))
    candidates = np.array([[0.0, 0.1], [5, 5], [0.1, 0], [0.2, 0.1]])
    (first, *_), *_rest = select_patches(np.full(4, 0.5), candidates, labelled, 2)
    assert first == 1


def test_a_patch_like_one_just_selected_waits() -> None:
    candidates = np.array([[5.0, 5], [5.01, 5], [5.02, 5], [0.0, 3], [2.5, 0]])
    selected = [index for index, *_ in select_patches(np.zeros(5), candidates, np.zeros((1, 2)), 3)]
    assert len({min(index, 2) if index < 3 else index for index in selected}) == 3, "one of the three twins only"


def test_no_more_than_there_are() -> None:
    assert len(select_patches(np.zeros(2), np.eye(2), np.zeros((0, 0)), 9)) == 2


def test_texture_and_coverage_tell_patches_apart_but_turning_does_not() -> None:
    fine = RANDOM.normal(size=(64, 64)).astype(np.float32)
    coarse = np.kron(fine[:16, :16], np.ones((4, 4), np.float32))
    one, other = describe_patch(fine, 0.2), describe_patch(coarse, 0.2)
    assert np.abs(one - other).max() > 0.5
    np.testing.assert_allclose(describe_patch(fine[::-1].T, 0.2), one, atol=1e-4)
    assert describe_patch(fine, 0.6)[-1] - one[-1] == pytest.approx(0.4)


def test_the_gain_follows_the_history() -> None:
    assert expected_gain([(10, 0.8)], 10) is None
    assert expected_gain([(10, 0.8), (10, 0.82)], 10) is None
    early, late = expected_gain([(4, 0.6), (8, 0.8)], 8), expected_gain([(40, 0.985), (80, 0.986)], 8)
    assert early is not None
    assert late is not None
    assert early == pytest.approx(0.1)
    assert late < 0.002
    assert expected_gain([(10, 0.9), (20, 0.8)], 10) == pytest.approx(0, abs=1e-9), "worse with more: no gain"
