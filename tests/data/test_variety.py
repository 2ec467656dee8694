"""A set of labels is told what it lacks before anything is trained."""

from typing import Any

import numpy as np
import pytest

from tem_rf.data.label_formats.label import Label
from tem_rf.data.variety import coverage_notes, lacks, measure_content


def discs(diameters: list[int], contrast: float = -5.0) -> tuple[np.ndarray, np.ndarray]:
    """Discs beside each other on noise of sd 1."""
    y, x = np.ogrid[:64, : 64 * len(diameters)]
    mask = np.zeros((64, 64 * len(diameters)), bool)
    for index, diameter in enumerate(diameters):
        mask |= (y - 32) ** 2 + (x - 64 * index - 32) ** 2 <= (diameter / 2) ** 2
    noise = np.random.default_rng(0).normal(100, 1, mask.shape)
    return (noise + contrast * mask).astype(np.float32), mask


def contents(*sets: Any) -> list[Any]:
    return [measure_content(*discs(*one)) for one in sets]


def test_content_is_what_was_drawn() -> None:
    content = measure_content(*discs([20, 30], -5.0))
    np.testing.assert_allclose(np.sort(content.diameters_px), [20, 30], atol=0.5)
    assert content.contrast == pytest.approx(-5, abs=0.2)


def test_a_uniform_set_lacks_everything_else() -> None:
    notes = lacks(contents(*[([20, 21],)] * 3))
    assert [note.partition(":")[0] for note in notes] == [
        "micrographs",
        "other coverages",
        "other sizes",
        "other contrasts",
        "empty micrographs",
    ]
    assert "train with `folds` 3" in notes[0]


def test_a_varied_set_lacks_nothing() -> None:
    varied = contents(([10, 30],), ([50, 60],), ([40, 12], -9.0), ([20, 30], -15.0), ([30, 44],))
    empty = measure_content(discs([20])[0], np.zeros((64, 64), bool))
    assert lacks([*varied, empty]) == ()


def test_a_coverage_that_was_not_trained_on_is_named() -> None:
    trained: list[Any] = [("a", 0.6, "train"), ("b", 0.8, "train"), ("empty", 0.0, "test")]
    assert coverage_notes([*trained, ("c", 0.5, "test"), ("d", 0.75, "validation")]) == []
    (note,) = coverage_notes([*trained, ("c", 0.22, "test"), ("d", 0.3, "test")])
    assert note.startswith("particles cover 60% to 80% of the training micrographs, but 22% of c (test) and 1 more;")


def test_only_labels_whose_gaps_are_convex_may_be_inverted() -> None:
    particles = discs([40, 44, 36])[1]
    inverted = Label(~particles).with_remarks()
    assert inverted.notes[0].endswith("is it inverted?")
    y, x = np.mgrid[:192, :192]
    dense = ((y % 48 - 24) ** 2 + (x % 48 - 24) ** 2) <= 25**2
    assert 0.6 < dense.mean() < 0.95
    assert Label(dense).with_remarks().notes == ()
