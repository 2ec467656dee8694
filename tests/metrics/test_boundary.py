import numpy as np
import pytest

from tem_rf.metrics.boundary import BoundaryScores, boundary, score_boundary


def rectangle(rows: slice, columns: slice, shape: tuple[int, int] = (20, 30)) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[rows, columns] = True
    return mask


def test_boundary_is_the_outermost_ring_of_pixels() -> None:
    ring = boundary(rectangle(slice(2, 6), slice(2, 7)))

    assert ring.sum() == 4 * 5 - 2 * 3


def test_edge_of_the_image_is_no_boundary() -> None:
    assert boundary(rectangle(slice(0, 20), slice(0, 10))).nonzero()[1].tolist() == [9] * 20
    assert not boundary(np.ones((5, 5), dtype=bool)).any()


def test_equal_masks_agree_fully() -> None:
    mask = rectangle(slice(3, 9), slice(3, 9))

    assert score_boundary(mask, mask) == BoundaryScores(1, 0, 0)


@pytest.mark.parametrize(("tolerance_px", "f1"), [(2.9, 0), (3, 1)])
def test_straight_edges_three_pixels_apart(tolerance_px: float, f1: float) -> None:
    prediction, label = rectangle(slice(None), slice(0, 10)), rectangle(slice(None), slice(0, 13))

    assert score_boundary(prediction, label, tolerance_px=tolerance_px) == BoundaryScores(f1, 3, 3)


def test_second_particle_that_is_missed_costs_recall_and_distance() -> None:
    # Two lines of 20 px, 8 px apart, of which one is found.
    label = rectangle(slice(None), slice(5, 6)) | rectangle(slice(None), slice(13, 14))
    scores = score_boundary(rectangle(slice(None), slice(5, 6)), label)

    assert scores.f1 == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert scores.mean_distance_px == pytest.approx(20 * 8 / 60)
    assert scores.hausdorff95_px == 8


def test_no_outline_on_either_side_is_agreement() -> None:
    empty, full = np.zeros((6, 6), dtype=bool), np.ones((6, 6), dtype=bool)

    assert score_boundary(empty, empty) == BoundaryScores(1, 0, 0)
    assert score_boundary(full, full) == BoundaryScores(1, 0, 0)


def test_outline_on_one_side_only_has_no_distance() -> None:
    empty, some = np.zeros((20, 30), dtype=bool), rectangle(slice(3, 9), slice(3, 9))

    assert score_boundary(empty, some) == BoundaryScores(0, None, None)
    assert score_boundary(some, empty) == BoundaryScores(0, None, None)


def test_outlines_near_what_is_not_sure_are_left_out() -> None:
    label = rectangle(slice(3, 9), slice(3, 9))
    beyond = label | rectangle(slice(12, 18), slice(20, 28))
    unsure = rectangle(slice(10, 20), slice(18, 30))
    assert score_boundary(beyond, label).f1 < 1
    assert score_boundary(beyond, label, unsure=unsure) == BoundaryScores(1, 0, 0)
