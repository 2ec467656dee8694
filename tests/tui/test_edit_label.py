"""The label editor by its keys and the mouse: what is on the screen is in the label."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tem_rf.data.instances import UNSURE, read_instances, write_instances
from tem_rf.data.micrograph import Micrograph
from tem_rf.labelling.session import EditingSession
from tem_rf_tui.editor_app import EditorApp
from tem_rf_tui.screens.choice import ChoiceScreen
from tem_rf_tui.screens.edit_label import EditLabelScreen
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.label_canvas import LabelCanvas
from tests.helpers.app import NARROW, until

SHAPE = (96, 128)
ROWS, COLUMNS = np.indices(SHAPE)
DISCS = ((20, 30, 9), (20, 90, 8), (70, 40, 10), (70, 58, 10), (66, 105, 7))  # the third and fourth touch
Script = Callable[[EditorApp, Pilot[None]], Awaitable[None]]


def _disc(row: int, column: int, radius: float) -> np.ndarray:
    return np.hypot(ROWS - row, COLUMNS - column) < radius


@pytest.fixture
def session(tmp_path: Path) -> EditingSession:
    """Four particles as a model finds them: two of the five discs are one particle."""
    distance = np.min([np.hypot(ROWS - y, COLUMNS - x) - radius for y, x, radius in DISCS], axis=0)
    probability = (1 / (1 + np.exp(distance))).astype(np.float32)
    counts = (200 * (1 - probability)).astype(np.uint8)

    def start() -> tuple[np.ndarray, str]:
        from scipy.ndimage import label

        return label(probability > 0.5)[0].astype(np.int32), "a model"

    return EditingSession.open(
        Micrograph(counts, 0.5), tmp_path / "au_labels.tif", probability=probability, start=start
    )


def edit(session: EditingSession, script: Script, *, size: tuple[int, int] = NARROW) -> None:
    """Run the editor, and a script of keys in it."""

    async def run() -> None:
        app = EditorApp(session)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: isinstance(app.screen, EditLabelScreen) and "particle" in _line(app, "facts"))
            await script(app, pilot)
        session.close()

    asyncio.run(run())


def _line(app: EditorApp, name: str) -> str:
    return str(app.screen.query_one(f"#label-{name}", Static).render())


async def _press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
    await pilot.pause()


async def _click_pixel(app: EditorApp, pilot: Pilot[None], row: int, column: int, **options: object) -> None:
    view = app.screen.query_one(LabelCanvas)
    down, across = view.viewport.cell_of(row, column)
    await pilot.click(LabelCanvas, offset=(int(across), int(down / 2)), **options)  # type: ignore[arg-type]
    await pilot.pause()


def test_keys_correct_a_label_and_save_it(session: EditingSession) -> None:
    merged = session.canvas.number_at(70, 40)
    assert session.canvas.number_at(70, 58) == merged

    async def script(app: EditorApp, pilot: Pilot[None]) -> None:
        await _press(pilot, "v", "v", "n", "n")  # by place, from the most uncertain, the third, to the first
        assert "4 of 4 particles to review" in _line(app, "facts")
        first = session.canvas.number_at(20, 30)
        assert f"particle {first}," in _line(app, "facts")
        assert "confidence" in _line(app, "facts")
        area = session.facts(first).area_px
        await _press(pilot, "g")
        assert session.facts(first).area_px > area
        await _press(pilot, "s", "s")
        assert session.facts(first).area_px < area
        await _press(pilot, "z", "z", "z", "y")
        assert session.facts(first).area_px > area
        await _press(pilot, "a")
        assert f"particle {session.canvas.number_at(20, 90)}," in _line(app, "facts")
        await _press(pilot, "d")
        assert session.canvas.number_at(20, 90) is None
        await _press(pilot, "u")
        assert session.canvas.numbers[66, 105] == UNSURE
        await _press(pilot, "x")
        assert len({session.canvas.number_at(70, 40), session.canvas.number_at(70, 58)}) == 2
        await _press(pilot, "m")
        assert session.canvas.number_at(70, 40) == session.canvas.number_at(70, 58) is not None
        assert "not saved" in _line(app, "state")
        await _press(pilot, "w")
        assert "saved" in _line(app, "state")
        assert "not saved" not in _line(app, "state")

    edit(session, script)
    np.testing.assert_array_equal(read_instances(session.label_file, SHAPE)[0], session.canvas.numbers)


def test_the_cursor_adds_outlines_and_paints(session: EditingSession) -> None:
    async def script(app: EditorApp, pilot: Pilot[None]) -> None:
        number = session.canvas.number_at(20, 90)
        await _press(pilot, "0")
        await _click_pixel(app, pilot, 20, 90)
        assert f"particle {number}," in _line(app, "facts")
        await _press(pilot, "d", "0")
        await _click_pixel(app, pilot, 20, 90, button=3)
        added = session.canvas.number_at(20, 90)
        assert added not in (None, number)
        assert session.facts(added).area_px == pytest.approx(np.pi * 64, rel=0.15)
        await _press(pilot, "0", "o")
        for corner in ((40, 80), (40, 100), (55, 90)):
            await _click_pixel(app, pilot, *corner)
        assert "3 corners" in _line(app, "state")
        await _press(pilot, "enter", "escape")
        drawn = session.canvas.number_at(45, 90)
        assert session.facts(drawn).area_px == pytest.approx(150, rel=0.25)
        await _press(pilot, "b", "right_square_bracket", "0")
        await _click_pixel(app, pilot, 45, 20)
        painted = session.canvas.number_at(45, 20)
        assert session.facts(painted).area_px == np.count_nonzero(_disc(45, 20, 5.001))
        await _press(pilot, "e", "space")
        assert painted not in session.canvas.boxes
        await _press(pilot, "i", "space")
        assert (session.canvas.numbers == UNSURE).sum() == np.count_nonzero(_disc(45, 20, 5.001))

    edit(session, script, size=(128, 52))


def test_the_view_zooms_to_pixels_and_follows_the_cursor(session: EditingSession) -> None:
    async def script(app: EditorApp, pilot: Pilot[None]) -> None:
        view = app.screen.query_one(LabelCanvas)
        await _press(pilot, "0")
        assert view.viewport.px_per_cell == max(SHAPE[0] / (2 * (NARROW[1] - 4)), SHAPE[1] / NARROW[0])
        await _press(pilot, *["plus"] * 8)
        assert view.viewport.px_per_cell == 1 / 16
        await _press(pilot, "minus", "minus", *["shift+right"] * 20)
        cursor = int(_line(app, "state").split("x ")[1].split(" ")[0])
        assert cursor == SHAPE[1] - 1
        left, columns = view.viewport.left, view.viewport.columns * view.viewport.px_per_cell
        assert left <= cursor < left + columns

    edit(session, script)


def test_a_step_that_cannot_be_made_says_why(session: EditingSession) -> None:
    async def script(app: EditorApp, pilot: Pilot[None]) -> None:
        await _press(pilot, "z")
        assert "no earlier steps" in _line(app, "state")
        await _click_pixel(app, pilot, *map(int, app.screen.query_one(LabelCanvas).viewport.pixel_at(1, 1)))
        await _press(pilot, "0", "m")
        assert session.step_count == 0

    edit(session, script)


def test_closing_asks_about_unsaved_steps_and_keeps_them(session: EditingSession) -> None:
    async def script(app: EditorApp, pilot: Pilot[None]) -> None:
        await _press(pilot, "d", "q")
        await until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        await _press(pilot, "escape")
        assert isinstance(app.screen, EditLabelScreen)
        await _press(pilot, "q")
        await until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        await _press(pilot, "c")

    edit(session, script)
    assert not session.label_file.exists()
    resumed = EditingSession.open(session.micrograph, session.label_file)
    assert resumed.step_count == 1
    resumed.close()


def test_a_label_changed_by_another_program_is_asked_about(session: EditingSession) -> None:
    theirs = np.where(_disc(50, 60, 9), 1, 0).astype(np.int32)

    async def script(app: EditorApp, pilot: Pilot[None]) -> None:
        await _press(pilot, "d", "w")
        write_instances(session.label_file, theirs)
        await _press(pilot, "d", "w")
        await until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        np.testing.assert_array_equal(read_instances(session.label_file, SHAPE)[0], theirs)
        await _press(pilot, "r")
        np.testing.assert_array_equal(session.canvas.numbers, theirs)
        await _press(pilot, "z", "w")
        assert len(session.canvas.boxes) == 2

    edit(session, script)
    assert read_instances(session.label_file, SHAPE)[0].max() > 1


def test_only_lines_that_changed_are_drawn(session: EditingSession) -> None:
    async def script(app: EditorApp, pilot: Pilot[None]) -> None:
        view = app.screen.query_one(LabelCanvas)
        await _press(pilot, "0")
        drawn: list[int] = []
        refresh = view.refresh

        def count(*regions: object, **options: object) -> object:
            drawn.append(len(regions))
            return refresh(*regions, **options)  # type: ignore[arg-type]

        view.refresh = count  # type: ignore[method-assign,assignment]
        await _press(pilot, "right")
        assert 0 < max(drawn) < 10 < view.size.height

    edit(session, script)


def test_a_new_label_says_how_its_first_particle_is_made(tmp_path: Path) -> None:
    empty = EditingSession.open(Micrograph(np.zeros(SHAPE, np.uint8), 0.5), tmp_path / "au_labels.tif")

    async def script(app: EditorApp, pilot: Pilot[None]) -> None:
        keys = app.screen.query_one(KeyLine)
        assert "no particles; f adds the one under the cursor, o draws an outline" in _line(app, "facts")
        assert "f Add" in str(keys.render())
        assert "a Accept" not in str(keys.render())
        await pilot.press("b", "space")
        await until(pilot, lambda: "a Accept" in str(keys.render()))
        await pilot.press("z")
        await until(pilot, lambda: "a Accept" not in str(keys.render()))

    edit(empty, script)
