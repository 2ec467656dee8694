"""Network: receptive field and cost of an architecture while you edit it, compared with others."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import DataTable, Input, Label, Static

from tem_rf.architecture import Architecture
from tem_rf.architecture.design import describe
from tem_rf.errors import TemRfError
from tem_rf.jobs.train import TrainRequest
from tem_rf_tui.key_names import named
from tem_rf_tui.messages import NetworksChosen
from tem_rf_tui.painting import Picture
from tem_rf_tui.previews import Preview, preview_dataset
from tem_rf_tui.screens.base import TabScreen
from tem_rf_tui.widgets.micrograph_view import MicrographView
from tem_rf_tui.widgets.network_form import NetworkForm

_FIRST_FILLED = {"pixel-size": "", "patch": "512"}
MAX_NUMBER = 1e6  # of nm, px or patches: larger values are typing errors
MAX_STRIDE_PX = 2**15  # the exact field has one phase per pixel of stride; larger strides would block the keys


class NetworkScreen(TabScreen):
    """Edits one architecture and compares several."""

    BINDINGS = named(
        "network",
        Binding("e", "edit", "Edit", tooltip="Go to the fields; Esc leaves them"),
        Binding("a", "add", "Compare", tooltip="Keep this network in the table and continue editing"),
        Binding("d", "drop", "Remove", tooltip="Remove the network of this column from the table"),
        Binding("u", "use", "Use", tooltip="Use the networks of the table for the next training"),
        Binding("v", "next_view", "View", tooltip="Switch between numbers and receptive field on a patch"),
    )

    @dataclass
    class DatasetRead(Message):
        """A patch of the dataset was read."""

        folder: Path
        preview: Preview

    @dataclass
    class Described(Message):
        """The numbers of the networks were computed."""

        records: list[dict[str, Any]]

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Architecture] = []
        self._dataset: Path | None = None
        self._preview: Preview | None = None
        self._records: list[dict[str, Any]] = []
        self._filled = dict(_FIRST_FILLED)  # values filled in from a dataset, not typed

    def compose(self) -> ComposeResult:
        with Vertical(id="network-fields"):
            yield NetworkForm(self._first(), id="network-form")
            for field, title, value in (
                ("pixel-size", "pixel size [nm]", _FIRST_FILLED["pixel-size"]),
                ("particle", "particle [nm]", "5"),
                ("patch", "patch size [px]", _FIRST_FILLED["patch"]),
                ("batch", "batch size", str(TrainRequest.defaults()["batch_size"])),
            ):
                with Horizontal(classes="field"):
                    yield Label(title, classes="field-name", markup=False)
                    yield Input(value, compact=True, type="number", id=field)
        with Vertical(id="network-numbers"):
            yield DataTable(cursor_type="column", id="numbers")
            yield Static(id="network-remark", markup=False)
            view = MicrographView(id="field-view")
            view.border_title = "no dataset in this folder yet (prepare one on the Data screen)"
            yield view

    def on_mount(self) -> None:
        """Compute the first numbers."""
        self._compute()

    def applies(self, action: str) -> bool:
        """Hide the key that switches views where they are side by side."""
        return action != "next_view" or not self.is_wide

    def activate(self) -> None:
        """Check whether another dataset was selected."""
        self.stand_in(self.query_one("#numbers"))
        self._read_dataset()

    def on_network_form_changed(self) -> None:
        """Update the numbers for another network."""
        self._compute()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Update the numbers for another pixel, particle, patch or batch size."""
        self._compute()

    def on_network_screen_dataset_read(self, message: DatasetRead) -> None:
        """Fill in pixel size and patch size from the dataset, unless they were typed."""
        self._dataset, self._preview = message.folder, message.preview
        if message.preview.pixel_size_nm is not None:
            self._fill("pixel-size", f"{message.preview.pixel_size_nm:g}")
        self._fill("patch", str(message.preview.patch_size))
        self._draw_field()

    def on_network_screen_described(self, message: Described) -> None:
        """Show the numbers."""
        self._records = message.records
        table = self.query_one(DataTable)
        column = table.cursor_column
        table.clear(columns=True)
        table.fixed_columns = 1
        columns = [_column(record, self._number("particle"), self._number("batch")) for record in self._records]
        # Widths are given: those that Textual measures later are too small if it is painted before, and remain so.
        table.add_column("", key="quantity", width=max(map(len, columns[0])))
        for index, (record, column_of) in enumerate(zip(self._records, columns, strict=True)):
            title = f"▸ {record['name']}" if index == 0 else record["name"]
            table.add_column(title, key=str(index), width=max(map(len, (title, *column_of.values()))))
        for quantity in columns[0]:
            table.add_row(Text(quantity), *(each[quantity] for each in columns))
        table.move_cursor(column=min(max(1, column), len(columns)))
        self._draw_field()

    def action_edit(self) -> None:
        """Go to the fields."""
        self.query_one("#net-pooling_sequence").focus()

    def action_add(self) -> None:
        """Keep the edited network."""
        edited = self.query_one(NetworkForm).architecture
        if edited not in self._kept:
            self._kept.append(edited)
            self._compute()

    def action_drop(self) -> None:
        """Remove a kept network."""
        index = self.query_one(DataTable).cursor_column - 2  # after the quantities and the edited one
        if 0 <= index < len(self._kept):
            del self._kept[index]
            self._compute()

    def action_use(self) -> None:
        """Use all networks of the table for the next training."""
        names = dict.fromkeys([self.query_one(NetworkForm).architecture.name, *(each.name for each in self._kept)])
        self.post_message(NetworksChosen(list(names)))

    def action_next_view(self) -> None:
        """Switch between numbers and picture in a narrow terminal."""
        self.toggle_class("-picture")

    def _first(self) -> Architecture:
        try:
            return Architecture.from_name(self.tem_rf.remembered.networks.split(",")[0])
        except TemRfError:
            return Architecture((4, 4))

    def _fill(self, name: str, value: str) -> None:
        field = self.query_one(f"#{name}", Input)
        if field.value in ("", self._filled[name]):
            field.value = self._filled[name] = value

    def _number(self, field: str) -> float | None:
        try:
            value = float(self.query_one(f"#{field}", Input).value)
        except ValueError:
            return None
        return value if 0 < value < MAX_NUMBER else None

    def _compute(self) -> None:
        edited = self.query_one(NetworkForm).architecture
        remark = self.query_one("#network-remark", Static)
        if edited.stride > MAX_STRIDE_PX:
            remark.update(f"{edited.name}: stride {edited.stride} px is too large (maximum {MAX_STRIDE_PX} px).")
            return
        remark.update("")
        self._describe(
            [edited, *(each for each in self._kept if each != edited)],
            math.ceil(self._number("patch") or 512),
            self._number("pixel-size"),
        )

    def _draw_field(self) -> None:
        view, preview = self.query_one(MicrographView), self._preview
        if preview is None or preview.picture is None or not self._records:
            return
        pixels = preview.picture.pixels
        width = self._records[0]["size_mean_px"]
        box = None
        if width is not None:
            box = ((pixels.shape[0] - width) / 2, (pixels.shape[1] - width) / 2, width, width)
        view.border_title = f"receptive field of {self._records[0]['name']} on {preview.title}"
        view.show(Picture(pixels, preview.picture.mask, self._number("pixel-size"), box))

    @work(thread=True, exclusive=True, group="describe", description="describe")
    def _describe(self, architectures: list[Architecture], patch_size: int, pixel_size_nm: float | None) -> None:
        records = [describe(each, patch_size=patch_size, pixel_size_nm=pixel_size_nm) for each in architectures]
        self.post_message(self.Described(records))

    @work(thread=True, exclusive=True, group="dataset")
    def _read_dataset(self) -> None:
        folder = self.tem_rf.find_dataset()
        if folder is None or folder == self._dataset:
            return
        try:
            self.post_message(self.DatasetRead(folder, preview_dataset(folder, 0)))
        except (TemRfError, OSError) as error:
            self.app.call_from_thread(self.notify, str(error), severity="warning", timeout=10)


def _column(record: dict[str, Any], particle_nm: float | None, batch_size: float | None) -> dict[str, str]:
    """Return the numbers of one network, by quantity."""
    whole = record["size_mean_px"] is None
    memory = record["activation_memory_mb"]
    column = {
        "equation (1) [px]": f"{record['equation_size_px']}",
        "exact width [px]": "whole image" if whole else f"{record['size_mean_px']:.1f}",
        "  minimum, maximum [px]": "" if whole else f"{record['size_min_px']}, {record['size_max_px']}",
        "reach [px]": "whole image" if whole else f"{record['reach_px']}",
    }
    if "size_mean_nm" in record:
        column["exact width [nm]"] = "" if whole else f"{record['size_mean_nm']:.2f}"
        column["reach [nm]"] = "" if whole else f"{record['reach_nm']:.2f}"
        if particle_nm is not None:
            column["width / particle"] = "" if whole else f"{record['size_mean_nm'] / particle_nm:.2f}"
    return column | {
        "holes in the field": "yes" if record["has_holes"] else "no",
        "pixels with full field": f"{record['full_view_fraction']:.1%}",
        "parameters": f"{record['parameters']:,}",
        "memory per patch [MB]": f"{memory:.0f}",
        "memory per step [GB]": f"{memory * (batch_size or 1) / 1000:.2f}",
        "stride [px]": f"{record['stride_px']}",
    }
