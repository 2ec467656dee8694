"""Each edit does what its name says to the right pixels, and undoing it restores them."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from tem_rf.data.instances import UNSURE
from tem_rf.errors import EditError
from tem_rf.labelling.adding import add_at, add_polygon
from tem_rf.labelling.brush import erase, mark_unsure_under, paint
from tem_rf.labelling.canvas import Box, Canvas, Change
from tem_rf.labelling.facts import Order, measure_particle, next_particle
from tem_rf.labelling.outline import grow, shrink
from tem_rf.labelling.particles import accept, delete, mark_unsure, merge, split
from tem_rf.labelling.step_codec import pack, unpack

ROWS, COLUMNS = np.indices((120, 160))
CENTRES = {1: (30, 30, 12), 2: (30, 80, 9), 3: (85, 40, 14), 4: (85, 66, 14)}  # 3 and 4 touch


def _distance(row: int, column: int) -> np.ndarray:
    return np.hypot(ROWS - row, COLUMNS - column)


@pytest.fixture
def probability() -> np.ndarray:
    """Soft discs; one of them, at (30, 130), is in no label."""
    edges = [(_distance(y, x) - radius) / 2 for y, x, radius in (*CENTRES.values(), (30, 130, 10))]
    return (1 / (1 + np.exp(np.min(edges, axis=0)))).astype(np.float32)


@pytest.fixture
def counts(probability: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 10, probability.shape)
    return (1000 - 200 * probability + noise).astype(np.float32)


@pytest.fixture
def canvas() -> Canvas:
    numbers = np.zeros(ROWS.shape, np.int32)
    for number, (row, column, radius) in CENTRES.items():
        numbers[(_distance(row, column) < radius) & (numbers == 0)] = number
    return Canvas(numbers)


def _check_boxes(canvas: Canvas) -> None:
    """The boxes that were kept up to date are those of a fresh canvas."""
    assert canvas.boxes == Canvas(canvas.numbers.copy()).boxes


@pytest.mark.parametrize(
    "edit",
    [
        lambda canvas, p, counts: delete(canvas, 1),
        lambda canvas, p, counts: mark_unsure(canvas, 2),
        lambda canvas, p, counts: grow(canvas, 1, p),
        lambda canvas, p, counts: shrink(canvas, 1, p),
        lambda canvas, p, counts: grow(canvas, 3, None),
        lambda canvas, p, counts: shrink(canvas, 3, None),
        lambda canvas, p, counts: add_at(canvas, 30, 130, p, counts),
        lambda canvas, p, counts: add_at(canvas, 30, 130, None, counts),
        lambda canvas, p, counts: add_polygon(canvas, [(50, 100), (60, 100), (60, 120)]),
        lambda canvas, p, counts: split(canvas, 1, (30, 30)),
        lambda canvas, p, counts: merge(canvas, 3),
        lambda canvas, p, counts: paint(canvas, [(5, 5), (10, 20)], 3, None),
        lambda canvas, p, counts: erase(canvas, [(10, 30), (50, 30)], 2),
        lambda canvas, p, counts: mark_unsure_under(canvas, [(0, 0), (119, 159)], 4),
        lambda canvas, p, counts: accept(canvas, 1),
    ],
)
def test_undo_restores_every_pixel(
    canvas: Canvas, probability: np.ndarray, counts: np.ndarray, edit: Callable[..., Change]
) -> None:
    before = canvas.numbers.copy()
    change = edit(canvas, probability, counts)
    np.testing.assert_array_equal(canvas.numbers, before)  # making a change is not applying it
    canvas.apply(unpack(json.loads(json.dumps(pack(change)))))  # as in the journal
    _check_boxes(canvas)
    assert (canvas.numbers != before).any() or canvas.accepted
    canvas.apply(change.reversed())
    _check_boxes(canvas)
    np.testing.assert_array_equal(canvas.numbers, before)
    assert not canvas.accepted


def test_an_outline_follows_the_threshold(canvas: Canvas, probability: np.ndarray) -> None:
    areas = [np.count_nonzero(canvas.numbers == 1)]
    for _ in range(3):
        canvas.apply(grow(canvas, 1, probability))
        areas.append(np.count_nonzero(canvas.numbers == 1))
    assert areas == sorted(set(areas))
    grown = canvas.numbers == 1
    assert probability[grown].min() > probability[~grown & (_distance(30, 30) < 20)].max() - 1e-6  # a level set
    for _ in range(6):
        canvas.apply(shrink(canvas, 1, probability))
    shrunk = canvas.numbers == 1
    assert shrunk.sum() < areas[0]
    assert probability[shrunk].min() > probability[~shrunk & (_distance(30, 30) < 20)].max() - 1e-6


def test_growing_takes_nothing_from_another_particle(canvas: Canvas, probability: np.ndarray) -> None:
    other = canvas.numbers == 4
    for _ in range(4):
        canvas.apply(grow(canvas, 3, probability))
    np.testing.assert_array_equal(canvas.numbers == 4, other)


def test_without_a_probability_an_outline_moves_by_a_pixel(canvas: Canvas) -> None:
    canvas.apply(grow(canvas, 1, None))
    assert canvas.boxes[1] == Box(18, 18, 43, 43)
    canvas.apply(shrink(canvas, 1, None))
    assert canvas.boxes[1] == Box(19, 19, 42, 42)


@pytest.mark.parametrize("with_model", [True, False])
def test_a_click_adds_the_particle_under_it(
    canvas: Canvas, probability: np.ndarray, counts: np.ndarray, with_model: bool
) -> None:
    canvas.apply(add_at(canvas, 32, 127, probability if with_model else None, counts))
    added, truth = canvas.numbers == 5, _distance(30, 130) < 10
    assert 2 * (added & truth).sum() / (added.sum() + truth.sum()) > 0.9
    assert 5 in canvas.accepted


def test_a_click_on_plain_film_adds_nothing(canvas: Canvas, probability: np.ndarray) -> None:
    with pytest.raises(EditError, match="found no outline"):
        add_at(canvas, 110, 140, probability, np.full(probability.shape, 100.0))
    with pytest.raises(EditError, match="particle 1 is already here"):
        add_at(canvas, 30, 30, probability, probability)


def test_a_polygon_leaves_other_particles_alone(canvas: Canvas) -> None:
    before = canvas.numbers.copy()
    canvas.apply(add_polygon(canvas, [(20, 30), (40, 30), (40, 80), (20, 80)]))
    assert (canvas.numbers[before > 0] == before[before > 0]).all()
    assert canvas.numbers[30, 55] == 5
    with pytest.raises(EditError, match="three corners"):
        add_polygon(canvas, [(1, 1), (2, 2)])


def test_a_split_at_the_neck_and_a_merge_are_inverse(canvas: Canvas) -> None:
    canvas.apply(merge(canvas, 3, 4))
    assert 4 not in canvas.boxes
    canvas.apply(split(canvas, 3))
    pieces = [np.count_nonzero(canvas.numbers == number) for number in (3, 5)]
    assert max(pieces) < 1.2 * min(pieces)
    assert canvas.numbers[85, 40] != canvas.numbers[85, 66]


def test_a_particle_without_a_neck_is_cut_at_the_cursor(canvas: Canvas) -> None:
    with pytest.raises(EditError, match="has no neck"):
        split(canvas, 1)
    canvas.apply(split(canvas, 1, (23, 30)))
    areas = [np.count_nonzero(canvas.numbers == number) for number in (1, 5)]
    assert sum(areas) == np.count_nonzero(_distance(30, 30) < 12)
    assert 0.1 < min(areas) / sum(areas) < 0.4


def test_distant_particles_are_not_merged(canvas: Canvas) -> None:
    with pytest.raises(EditError, match="no other particle within 16 px"):
        merge(canvas, 1)
    with pytest.raises(EditError, match="px away"):
        merge(canvas, 1, 2)


def test_an_eraser_across_a_particle_makes_two(canvas: Canvas) -> None:
    canvas.apply(erase(canvas, [(10, 30), (50, 30)], 1))
    assert {canvas.numbers[30, 22], canvas.numbers[30, 38]} == {1, 5}
    assert canvas.numbers[30, 30] == 0


def test_a_brush_paints_a_disc(canvas: Canvas) -> None:
    canvas.apply(paint(canvas, [(60, 120)], 5, None))
    np.testing.assert_array_equal(canvas.numbers == 5, _distance(60, 120) <= 5)
    canvas.apply(mark_unsure_under(canvas, [(60, 120)], 2))
    np.testing.assert_array_equal(canvas.numbers == UNSURE, _distance(60, 120) <= 2)
    with pytest.raises(EditError, match="outside"):
        paint(canvas, [(-50, -50)], 3, None)


def test_particles_come_in_the_order_that_was_asked_for(canvas: Canvas, probability: np.ndarray) -> None:
    probability[CENTRES[3][0] - 5 : CENTRES[3][0] + 5, :50] = 0.5  # least certain

    def ordered(order: Order, **options: bool) -> list[int]:
        facts, found = None, []
        for _ in canvas.boxes:
            number = next_particle(
                canvas.boxes, lambda one: measure_particle(canvas, one, probability), order, facts, **options
            )
            facts = measure_particle(canvas, number, probability)
            found.append(number)
        return found

    assert ordered("place")[0] == 1
    assert ordered("confidence")[0] == 3
    assert ordered("size")[:2] == [2, 1]
    assert ordered("size", backwards=True) == ordered("size")[::-1]
