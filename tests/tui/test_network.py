"""The Network screen: fields, numbers, comparison."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, OptionList, Select, Static

from tem_rf import Architecture
from tem_rf.jobs.train import TrainRequest
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.messages import DatasetChosen
from tem_rf_tui.previews import Preview, preview_dataset
from tem_rf_tui.screens.network import NetworkScreen
from tem_rf_tui.widgets.network_form import NetworkForm
from tests.helpers.app import NARROW, WIDE, assert_snapshot, drive, screen_text, told, until

OPEN_NETWORK = "2"


def _names(app: TemRfApp) -> list[str]:
    return [str(column.label) for column in app.query_one("#numbers", DataTable).ordered_columns][1:]


def _cell(app: TemRfApp, quantity: Any, column: Any = 1) -> Any:
    table = app.query_one("#numbers", DataTable)
    rows = [table.get_row_at(index) for index in range(table.row_count)]
    return next(row[column] for row in rows if str(row[0]) == quantity)


def test_numbers_follow_the_fields(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK)
        await until(pilot, lambda: _names(app) == ["▸ n2-p44"])
        await pilot.press("e", "ctrl+u", "8", "space", "8")
        await until(pilot, lambda: _names(app) == ["▸ n2-p88"])
        assert _cell(app, "equation (1) [px]") == "392"
        assert _cell(app, "  minimum, maximum [px]") == "356, 420"
        assert _cell(app, "reach [px]") == "227"
        assert _cell(app, "parameters") == "8,074"
        assert app.query_one("#name", Input).value == "n2-p88"

    drive(folder, script)


def test_labels_remain_when_the_table_is_painted_while_it_is_filled(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK)
        await until(pilot, lambda: _names(app) == ["▸ n2-p44"])
        screen = app.query_one(NetworkScreen)
        screen.on_network_screen_described(NetworkScreen.Described(screen._records))
        app.export_screenshot()  # paints before the table has measured its rows
        await pilot.pause(0.1)
        assert all(label in screen_text(app) for label in ("equation (1) [px]", "parameters", "stride [px]"))

    drive(folder, script)


def test_the_newest_dataset_and_the_batch_size_of_a_training_are_filled_in(folder: Path, tiny_dataset: Path) -> None:
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK)  # without having chosen a dataset
        await until(pilot, lambda: app.query_one("#patch", Input).value == "32")
        assert app.query_one("#batch", Input).value == str(TrainRequest.defaults()["batch_size"])

    drive(folder, script)


def test_another_depth_takes_dilations_and_filters_along(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK, "e")
        form = app.query_one(NetworkForm)
        await pilot.press("ctrl+u", "2", "space", "2", "space", "4")
        await until(pilot, lambda: form.architecture == Architecture((2, 2, 4)))
        assert app.query_one("#net-dilation_sequence", Input).value == "1 1 1 1"

    drive(folder, script)


def test_a_name_fills_the_fields(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK)
        app.query_one("#name", Input).focus()
        await pilot.press("ctrl+u", *"n2-p24-d112-average")
        await until(pilot, lambda: _names(app) == ["▸ n2-p24-d112-average"])
        assert app.query_one("#net-dilation_sequence", Input).value == "1 1 2"
        assert app.query_one("#net-pooling", Select).value == "average"

    drive(folder, script)


def test_what_cannot_be_built_is_said_in_words(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK)
        app.query_one("#net-kernel_size", Input).focus()
        await pilot.press("ctrl+u", "4")
        await until(pilot, lambda: "odd whole number" in str(app.query_one("#network-problem", Static).render()))
        await pilot.press("ctrl+u", "5")
        await until(pilot, lambda: _names(app) == ["▸ n2-p44-k5"])
        assert not str(app.query_one("#network-problem", Static).render())

    drive(folder, script)


def test_a_stride_too_large_to_wait_for_is_said_in_words(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK, "e", "ctrl+u", *"999", "space", *"999")
        await until(pilot, lambda: "stride 998001 px" in str(app.query_one("#network-remark", Static).render()))

    drive(folder, script)


def test_networks_are_compared_dropped_and_used(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK)
        await until(pilot, lambda: _names(app) == ["▸ n2-p44"])
        await pilot.press("a")
        app.query_one(NetworkForm).fill(Architecture((2, 2)))
        await until(pilot, lambda: _names(app) == ["▸ n2-p22", "n2-p44"])
        await pilot.press("u")
        await until(pilot, lambda: app.remembered.networks == "n2-p22,n2-p44")
        await pilot.press("right", "d")
        await until(pilot, lambda: _names(app) == ["▸ n2-p22"])

    drive(folder, script)


def test_presets_are_those_of_the_study(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK)
        preset = app.query_one("#preset", Select)
        assert preset.query_one(OptionList).option_count - 1 == 9 + 27 + 81
        preset.value = "n3-p248"
        await until(pilot, lambda: _names(app) == ["▸ n3-p248"])

    drive(folder, script)


@pytest.mark.parametrize("typed", ["0.5", "1e999", "-3", ""])
def test_a_patch_size_that_is_none_ends_nothing(folder: Path, typed: str) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK)
        await until(pilot, lambda: _names(app) == ["▸ n2-p44"])
        app.query_one("#patch", Input).value = typed
        await pilot.pause(0.5)
        assert _names(app) == ["▸ n2-p44"]

    drive(folder, script)


def test_pixel_and_patch_size_come_from_the_chosen_dataset(folder: Path, tiny_dataset: Path) -> None:
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        app.on_dataset_chosen(DatasetChosen(folder / "datasets" / "discs"))
        await pilot.press(OPEN_NETWORK)
        await until(pilot, lambda: app.query_one("#patch", Input).value == "32")

    drive(folder, script)


def test_a_pixel_size_that_was_typed_stays(folder: Path, tiny_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def preview(dataset: Path, index: int) -> Preview:
        read.append(dataset.name)
        return preview_dataset(dataset, index)

    monkeypatch.setattr("tem_rf_tui.screens.network.preview_dataset", preview)
    for name in ("discs", "others"):
        shutil.copytree(tiny_dataset, folder / "datasets" / name)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        app.on_dataset_chosen(DatasetChosen(folder / "datasets" / "discs"))
        await pilot.press(OPEN_NETWORK)
        await until(pilot, lambda: app.query_one("#patch", Input).value == "32")
        app.query_one("#pixel-size", Input).focus()
        await pilot.press("ctrl+u", *"0.5", "escape", "1")
        app.query_one("#patch", Input).value = "64"
        app.on_dataset_chosen(DatasetChosen(folder / "datasets" / "others"))
        await pilot.press(OPEN_NETWORK)
        await until(pilot, lambda: read == ["discs", "others"])
        await pilot.pause(0.3)
        assert app.query_one("#pixel-size", Input).value == "0.5"
        assert app.query_one("#patch", Input).value == "64"

    drive(folder, script)


def test_a_dataset_that_vanished_is_said_in_words(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        app.on_dataset_chosen(DatasetChosen(folder / "gone"))
        await pilot.press(OPEN_NETWORK)
        await until(pilot, lambda: "is not a dataset" in told(app))

    drive(folder, script)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_it_looks_as_it_did(folder: Path, size: tuple[int, int]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press(OPEN_NETWORK)
        await until(pilot, lambda: _names(app) == ["▸ n2-p44"])
        await pilot.press("a")
        app.query_one(NetworkForm).fill(Architecture((2, 2), dilation_sequence=(1, 1, 2)))
        await until(pilot, lambda: len(_names(app)) == 2)
        await until(pilot, lambda: "memory per step" in screen_text(app))
        await assert_snapshot(pilot, f"network-{size[0]}x{size[1]}")

    drive(folder, script, size=size)
