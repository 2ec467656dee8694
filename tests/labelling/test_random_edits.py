"""Whatever is done, in any order: the journal replays it, undo takes it back, and the boxes fit the pixels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tem_rf.data.micrograph import Micrograph
from tem_rf.errors import EditError
from tem_rf.labelling.adding import add_at, add_polygon
from tem_rf.labelling.brush import erase, mark_unsure_under, paint
from tem_rf.labelling.canvas import Canvas, Change
from tem_rf.labelling.outline import grow, shrink
from tem_rf.labelling.particles import accept, delete, mark_unsure, merge, reopen, split
from tem_rf.labelling.session import EditingSession

SIDE, STEPS = 96, 120


def _edits(session: EditingSession, rng: np.random.Generator) -> list[Callable[[], Change]]:
    canvas, counts = session.canvas, session.micrograph.pixels
    number = int(rng.choice(sorted(canvas.boxes))) if canvas.boxes else 1
    row, column = (int(one) for one in rng.integers(0, SIDE, 2))
    stroke = [(row, column), (int(rng.integers(-5, SIDE + 5)), int(rng.integers(-5, SIDE + 5)))]
    radius = int(rng.integers(0, 6))
    probability = session.probability if rng.random() < 0.5 else None
    return [
        lambda: accept(canvas, number),
        lambda: reopen(canvas, number),
        lambda: delete(canvas, number),
        lambda: mark_unsure(canvas, number),
        lambda: grow(canvas, number, probability),
        lambda: shrink(canvas, number, probability),
        lambda: split(canvas, number, (row, column)),
        lambda: merge(canvas, number),
        lambda: add_at(canvas, row, column, probability, counts),
        lambda: add_polygon(canvas, [(row, column), *rng.uniform(-5, SIDE + 5, (3, 2)).tolist()]),
        lambda: paint(canvas, stroke, radius, number if rng.random() < 0.5 else None),
        lambda: erase(canvas, stroke, radius),
        lambda: mark_unsure_under(canvas, stroke, radius),
        session.undo,
        session.redo,
    ]


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_edits_can_be_replayed_and_undone(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((SIDE, SIDE))
    discs = [np.hypot(rows - y, columns - x) - radius for y, x, radius in rng.uniform(8, 88, (9, 3)) * (1, 1, 0.12)]
    probability = (1 / (1 + np.exp(np.min(discs, axis=0)))).astype(np.float32)
    micrograph = Micrograph((200 * (1 - probability)).astype(np.uint8))

    def start() -> tuple[np.ndarray, str]:
        from scipy.ndimage import label

        return label(probability > 0.5)[0].astype(np.int32), "discs"

    session = EditingSession.open(micrograph, tmp_path / "a.tif", probability=probability, start=start)
    first, made = session.canvas.numbers.copy(), 0
    for _ in range(STEPS):
        edit = _edits(session, rng)[int(rng.integers(15))]
        try:
            change = edit()
        except EditError:
            continue
        made += 1
        if getattr(edit, "__self__", None) is not session:
            session.do(change)
        assert session.canvas.boxes == Canvas(session.canvas.numbers.copy()).boxes
    assert made > STEPS // 3
    shown, accepted = session.canvas.numbers.copy(), set(session.canvas.accepted)
    session.close()
    resumed = EditingSession.open(micrograph, tmp_path / "a.tif", probability=probability)
    np.testing.assert_array_equal(resumed.canvas.numbers, shown)
    assert resumed.canvas.accepted == accepted
    while resumed.step_count:
        resumed.undo()
    np.testing.assert_array_equal(resumed.canvas.numbers, first)
    assert not resumed.canvas.accepted
    resumed.close()
