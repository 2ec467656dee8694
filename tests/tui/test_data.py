"""The Data screen: places, previews, commands."""

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, OptionList, Select, Static

from tem_rf.data.tiff import write_tiff
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.previews import preview_dataset, preview_folder
from tem_rf_tui.screens.browse import BrowseScreen, FolderTree
from tem_rf_tui.screens.edit_label import EditLabelScreen
from tem_rf_tui.screens.new_training import NewTrainingScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.state import RememberedState
from tem_rf_tui.widgets.micrograph_view import MicrographView
from tests.helpers.app import NARROW, WIDE, assert_snapshot, drive, screen_text, told, until
from tests.helpers.labelled_folder import write_folder


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that would have been started."""
    lines = []
    monkeypatch.setattr(
        "tem_rf_tui.jobs.JobBoard.start", lambda self, title, arguments, ending="done": lines.append(list(arguments))
    )
    return lines


@pytest.fixture
def with_data(folder: Path, tiny_dataset: Path) -> Path:
    """A prepared dataset and the folder it was prepared from, and another micrograph without a label."""
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")
    write_folder(folder / "raw", 3)
    labels = sorted((folder / "raw" / "labels").iterdir())
    labels[-1].unlink()
    return folder


def _facts(app: TemRfApp | Screen[Any], selector: str = "#place-facts") -> str:
    return str(app.query_one(selector, Static).render())


def _summary(app: TemRfApp) -> str:
    return " ".join(_facts(app.screen, "#summary").split())


async def _open(app: TemRfApp, pilot: Pilot[None]) -> None:
    await pilot.press("1")
    await until(pilot, lambda: bool(_facts(app)) or bool(_facts(app, "#place-problems")))


async def _open_prepare(app: TemRfApp, pilot: Pilot[None]) -> None:
    """Open the form that prepares the folder of micrographs of `with_data`."""
    await _open(app, pilot)
    await pilot.press("down")
    await until(pilot, lambda: "micrographs with a label" in _facts(app))
    await pilot.press("m")
    await until(pilot, lambda: isinstance(app.screen, CommandForm))


def test_an_empty_folder_says_how_to_begin(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        assert "Press s to simulate micrographs" in _facts(app)
        await pilot.press("u", "m", "c")
        await until(pilot, lambda: "Select a folder of labelled micrographs first" in told(app))

    drive(folder, script)


def test_a_dataset_shows_its_patches(with_data: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        assert "patches of 32 px" in _facts(app)
        view = app.query_one(MicrographView)
        await until(pilot, lambda: "patch 1/" in str(view.border_title))
        await pilot.press("full_stop")
        await until(pilot, lambda: "patch 2/" in str(view.border_title))
        await pilot.press("comma", "comma")
        await until(pilot, lambda: "patch 2/" not in str(view.border_title))
        await pilot.press("u")
        await until(pilot, lambda: app.dataset.endswith("discs"))

    drive(with_data, script)


def test_the_dataset_in_use_is_remembered(with_data: Path, tiny_dataset: Path) -> None:
    shutil.copytree(tiny_dataset, with_data / "datasets" / "more")

    async def use(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("down", "u")
        await until(pilot, lambda: "Using datasets/more" in told(app))

    async def look(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: bool(app.query("#places")))
        places = app.query_one("#places", OptionList)
        await until(pilot, lambda: places.highlighted is not None)
        assert places.get_option_at_index(places.highlighted).id == str(more)

    more = with_data / "datasets" / "more"
    drive(with_data, use)
    drive(with_data, look)


def test_a_dataset_used_in_another_folder_is_not_offered_in_this_one(with_data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(with_data, other)

    async def use(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("u")
        await until(pilot, lambda: "Using datasets/discs" in told(app))

    async def look(app: TemRfApp, pilot: Pilot[None]) -> None:
        assert app.dataset == ""
        await pilot.press("3")
        await until(pilot, lambda: "Press n to set up a training" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        choices = app.screen.query_one("#field-dataset", Select).query_one(OptionList)
        assert [str(choice.prompt) for choice in choices.options] == ["datasets/discs"]

    drive(other, use)
    drive(with_data, look)


def test_the_datasets_of_the_folders_chosen_in_last_are_remembered() -> None:
    state = RememberedState()
    for number in [*range(40), 25]:
        chosen = state.with_dataset(Path(f"/{number}"), Path(f"/{number}/set"))
        state = state.model_copy(update={"datasets": chosen})
    assert list(state.datasets) == [f"/{number}" for number in [*range(20, 25), *range(26, 40), 25]]


def test_zoom_and_pan_stay_within_the_picture(with_data: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        view = app.query_one(MicrographView)
        view.focus()
        await pilot.press("plus", "plus", "left", "left", "left", "up", "up", "up", "down", "right")
        assert view.zoom == 4
        await pilot.press("minus", "minus", "minus")
        assert view.zoom == 1
        await pilot.press("plus", "0")
        assert view.zoom == 1

    drive(with_data, script)


def test_a_folder_shows_what_pairs_and_what_does_not(with_data: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("down")
        await until(pilot, lambda: "2 micrographs with a label" in _facts(app))
        assert "1 without, which e labels" in _facts(app)
        assert _facts(app, "#place-problems") == ""

    drive(with_data, script)


def test_a_slow_preview_does_not_replace_that_of_the_place_chosen_after_it(
    with_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, read = threading.Event(), threading.Event()

    def slow(*which: Any) -> Any:
        go_on.wait(20)
        preview = preview_dataset(*which)
        read.set()
        return preview

    monkeypatch.setattr("tem_rf_tui.screens.data.preview_dataset", slow)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("1")
        await until(pilot, lambda: app.query_one("#places", OptionList).highlighted is not None)
        await pilot.press("down")
        await until(pilot, lambda: "with a label" in _facts(app))
        go_on.set()
        await until(pilot, read.is_set)
        await pilot.pause(0.2)
        assert "with a label" in _facts(app)

    drive(with_data, script)


def test_browsing_picks_a_folder_anywhere(with_data: Path, tmp_path: Path, commands: list[list[str]]) -> None:
    write_folder(tmp_path / "elsewhere" / "session", 2)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, BrowseScreen))
        await pilot.press("backspace")
        tree = app.screen.query_one(FolderTree)
        await until(pilot, lambda: any(str(node.label) == "elsewhere" for node in tree.root.children))
        (outside,) = (node for node in tree.root.children if str(node.label) == "elsewhere")
        outside.expand()
        await until(pilot, lambda: len(outside.children) == 1)
        tree.move_cursor(outside.children[0])
        await until(pilot, lambda: "2 micrographs with a label" in _summary(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "2 micrographs with a label" in _facts(app))
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, CommandForm))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(commands) == 1)

    drive(with_data, script)
    assert commands[0][:2] == ["prepare", str(tmp_path / "elsewhere" / "session")]


def test_browsing_says_what_is_no_folder_of_micrographs(with_data: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, BrowseScreen))
        await until(pilot, lambda: "no micrographs" in _summary(app))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, BrowseScreen))
        assert "patches of 32 px" in _facts(app)

    drive(with_data, script)


def test_micrographs_without_labels_are_shown(folder: Path) -> None:
    write_folder(folder / "raw", 2)
    shutil.rmtree(folder / "raw" / "labels")
    preview = preview_folder(folder / "raw", 1)
    assert preview.facts[0] == "2 micrographs without labels"
    assert "press {data.segment} to segment them with a model, {data.edit} to label this one" in preview.facts
    assert not preview.problems
    assert "2/2, " in preview.title
    assert "no label" in preview.title
    assert preview.picture is not None
    assert preview.picture.mask is None


def test_prepare_asks_how_and_runs_the_command(with_data: Path, commands: list[list[str]]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open_prepare(app, pilot)
        app.screen.query_one("#field-patch_size", Input).value = "4"
        await until(
            pilot, lambda: "patch size: input should be" in str(app.screen.query_one("#summary", Static).render())
        )
        await pilot.press("ctrl+s")
        assert commands == []
        app.screen.query_one("#field-patch_size", Input).value = "64"
        app.screen.query_one("#field-xray_threshold", Input).value = "none"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(commands) == 1)

    drive(with_data, script)
    (line,) = commands
    assert line[:2] == ["prepare", str(with_data / "raw")]
    assert " ".join(line[2:]) == "--output datasets/raw --xray-threshold 0 --patch-size 64 --json"


def test_simulate_fetch_and_check_run_their_commands(with_data: Path, commands: list[list[str]]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        for key in ("s", "f"):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, CommandForm))
            if key == "s":
                app.screen.query_one("#field-count", Input).value = "6"
            await pilot.press("ctrl+s")
            await until(pilot, lambda: not isinstance(app.screen, CommandForm))
        await pilot.press("down")
        await until(pilot, lambda: "micrographs with a label" in _facts(app))
        await pilot.press("c")

    drive(with_data, script)
    assert commands == [
        ["simulate", "--count", "6", "--json"],
        ["data", "fetch", "--json"],
        ["data", "check", str(with_data / "raw"), "--json"],
    ]


@pytest.mark.parametrize(("pixel_size_nm", "model"), [(0.11, "bright-field"), (0.02, "au-hrtem"), (None, "au-hrtem")])
def test_micrographs_without_labels_are_listed_and_can_be_segmented_by_the_model_of_their_pixel_size(
    folder: Path, commands: list[list[str]], pixel_size_nm: float | None, model: str
) -> None:
    write_folder(folder / "raw", 2, pixel_size_nm=pixel_size_nm)
    shutil.rmtree(folder / "raw" / "labels")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await until(pilot, lambda: "without labels" in _facts(app))
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, CommandForm))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(commands) == 1)

    drive(folder, script)
    assert commands[0][:2] == ["segment", "raw/images"]
    assert Path(commands[0][3]).name == model


def test_a_damaged_dataset_is_said_in_words(with_data: Path) -> None:
    (with_data / "datasets" / "discs" / "dataset.json").write_text("{")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await until(pilot, lambda: "is damaged" in _facts(app, "#place-problems"))
        assert not app.query_one(MicrographView).display

    drive(with_data, script)


def test_a_dataset_that_vanished_is_said_in_words(with_data: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        shutil.rmtree(with_data / "datasets")
        await pilot.press("full_stop")
        await until(pilot, lambda: "is not a dataset" in _facts(app, "#place-problems"))

    drive(with_data, script)


def test_a_new_dataset_is_listed_when_the_tab_is_opened_again(folder: Path, tiny_dataset: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        shutil.copytree(tiny_dataset, folder / "datasets" / "discs")
        await pilot.press("2", "1")
        await until(pilot, lambda: "patches of 32 px" in _facts(app))
        assert app.query_one("#places", OptionList).option_count == 3

    drive(folder, script)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_it_looks_as_it_did(with_data: Path, size: tuple[int, int]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await until(pilot, lambda: "patch 1/" in screen_text(app))
        await assert_snapshot(pilot, f"data-{size[0]}x{size[1]}")

    drive(with_data, script, size=size)


def test_places_are_filtered_by_words_and_the_cursor_stays_on_a_place(folder: Path) -> None:
    for name in ("au-5nm", "au-2nm", "cdse"):
        (folder / name).mkdir()
        write_tiff(folder / name / "a.tif", np.zeros((32, 32), np.float32), pixel_size_nm=0.02)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: bool(app.query("#places")))
        places = app.query_one("#places", OptionList)
        await until(pilot, lambda: places.option_count == 5)  # with two titles
        await pilot.press("slash", *"NM au")
        await until(pilot, lambda: places.option_count == 4)
        await pilot.press("5")
        await until(pilot, lambda: "Prepared datasets: none" in screen_text(app) and places.option_count == 2)
        await pilot.press("escape")
        await until(pilot, lambda: places.option_count == 5)
        assert places.has_focus
        assert places.highlighted is not None

    drive(folder, script)


def test_patches_to_label_next_are_stepped_through_and_start_from_what_the_model_found(folder: Path) -> None:
    for place, value in (("to_label", 0), ("to_label/model_labels", 1)):
        (folder / place).mkdir()
        for name in ("a.tif", "b.tif", "c.tif"):
            write_tiff(folder / place / name, np.full((32, 32), value, np.uint16), pixel_size_nm=0.02)
    write_tiff(folder / "to_label" / "b_labels.tif", np.eye(32, dtype=np.uint16), pixel_size_nm=0.02)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "1 micrograph with a label, 2 without" in _facts(app))
        assert app.query_one("#places", OptionList).option_count == 3  # two titles, and no folder of model labels
        view = app.query_one("#preview", MicrographView)
        await until(pilot, lambda: "1/3, 32 x 32 px, no label" in str(view.border_title))
        await pilot.press("full_stop")
        await until(pilot, lambda: "2/3, 32 x 32 px, particles 3.1%" in str(view.border_title))
        await pilot.press("full_stop")
        await until(pilot, lambda: "3/3, 32 x 32 px, no label" in str(view.border_title))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditLabelScreen))
        await until(pilot, lambda: "1 particle to review" in screen_text(app))
        await pilot.press("a", "w", "q")
        await until(pilot, lambda: "3/3, 32 x 32 px, particles" in str(view.border_title))

    drive(folder, script)


def test_a_micrograph_that_cannot_be_read_leaves_the_keys_of_its_folder_and_the_way_to_the_next(folder: Path) -> None:
    write_folder(folder / "raw", 3)
    shutil.rmtree(folder / "raw" / "labels")
    first, second, _ = sorted((folder / "raw" / "images").iterdir())
    first.write_bytes(b"no image")
    second.write_bytes(b"no image")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await until(pilot, lambda: "1/3, " in _facts(app, "#place-problems"))
        assert first.name in _facts(app, "#place-problems")
        assert "press . for the next micrograph" in " ".join(_facts(app, "#place-problems").split())
        assert "press g to segment them" in " ".join(_facts(app).split())
        assert "g Segment" in _facts(app, "KeyLine")
        assert "e Edit" not in _facts(app, "KeyLine")
        await pilot.press("full_stop")
        await until(pilot, lambda: "2/3, " in _facts(app, "#place-problems"))
        await pilot.press("full_stop")
        await until(pilot, lambda: "3/3, " in str(app.query_one(MicrographView).border_title))
        assert _facts(app, "#place-problems") == ""
        assert "e Edit" in _facts(app, "KeyLine")

    drive(folder, script)


def test_a_frame_says_what_is_read_into_it_if_that_takes_a_while(
    with_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(folder: Path, index: int, reading: Any) -> Any:
        def read(name: str) -> None:
            reading(name)
            if name.startswith("m1"):
                go_on.wait(20)

        return preview_folder(folder, index, read)

    monkeypatch.setattr("tem_rf_tui.screens.data.preview_folder", slow)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("down")
        view = app.query_one(MicrographView)
        await until(pilot, lambda: "1/3, " in str(view.border_title))
        await pilot.press("full_stop")
        await until(pilot, lambda: "Reading m1.tif …" in str(view.border_title))
        go_on.set()
        await until(pilot, lambda: "2/3, " in str(view.border_title))

    drive(with_data, script)


def test_the_parent_folder_is_the_one_that_is_selected(folder: Path) -> None:
    (folder / "empty").mkdir()
    write_folder(folder / "raw", 2)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        app.push_screen(BrowseScreen(folder / "empty"))
        await until(pilot, lambda: "empty: no micrographs" in _summary(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Select a folder with micrographs, or a prepared dataset" in told(app))
        assert isinstance(app.screen, BrowseScreen)
        await pilot.press("backspace")
        await until(pilot, lambda: "no micrographs" in _summary(app) and "empty" not in _summary(app))

    drive(folder, script, size=WIDE)


def test_a_prepared_dataset_is_named_while_one_browses(with_data: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        app.push_screen(BrowseScreen(with_data / "datasets" / "discs"))
        await until(pilot, lambda: "discs: prepared dataset" in _summary(app))

    drive(with_data, script, size=WIDE)


def test_a_path_that_does_not_exist_keeps_the_form_open_with_what_was_typed(
    with_data: Path, commands: list[list[str]]
) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open_prepare(app, pilot)
        app.screen.query_one("#field-labels", Input).value = "nowhere"
        await until(pilot, lambda: "--labels nowhere" in _summary(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "labels: nowhere does not exist" in _summary(app))
        assert not commands
        app.screen.query_one("#field-labels", Input).value = "raw/labels"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(commands) == 1)

    drive(with_data, script)


def test_a_folder_that_vanished_under_its_form_is_named_in_it(with_data: Path, commands: list[list[str]]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open_prepare(app, pilot)
        shutil.rmtree(with_data / "raw")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "raw does not exist" in _summary(app))

    drive(with_data, script)
    assert not commands
