"""Data: prepared datasets and folders of micrographs, their content, and the jobs that create them."""

from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf.jobs.edit_label import edit_request, first_edit_request
from tem_rf.jobs.fetch import FetchRequest
from tem_rf.jobs.prepare import PrepareRequest
from tem_rf.jobs.simulate import SimulateRequest
from tem_rf.version import __version__
from tem_rf_tui.key_names import named
from tem_rf_tui.messages import DatasetChosen, EditRequested, SegmentRequested
from tem_rf_tui.previews import Preview, preview_dataset, preview_folder
from tem_rf_tui.screens.base import TabScreen
from tem_rf_tui.screens.browse import BrowseScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.hint_text import HintText
from tem_rf_tui.widgets.micrograph_view import MicrographView
from tem_rf_tui.wording import has_words
from tem_rf_tui.workspace import DATASET_MARK

_FIRST_STEPS = (
    "Press {data.simulate} to simulate micrographs, {data.fetch} to fetch a published dataset, "
    "{data.browse} to browse to your own folder.\n\n"
    "Then: {data.prepare} prepares a dataset, {app.network} shows networks, {app.train} trains, "
    "{app.results} evaluates, {app.segment} segments new micrographs.\n"
    "Press {app.steps} at any time to see which of these steps are done, and what comes next.\n\n"
    "Folders of micrographs, or with images/ and labels/ inside, are listed automatically. If your labels are "
    "elsewhere, give their folder in the form of {data.prepare}."
)


class DataScreen(TabScreen):
    """Lists datasets and folders, with a preview of one of them."""

    BINDINGS = named(
        "data",
        Binding("u", "use", "Use", tooltip="Use this dataset for the next training"),
        Binding("b", "browse", "Browse", tooltip="Browse folders and select one with micrographs"),
        Binding("m", "prepare", "Prepare", tooltip="Prepare a dataset from this folder of micrographs"),
        Binding("c", "check", "Check", tooltip="Check all files: which have labels, and what is wrong"),
        Binding("e", "edit", "Edit", tooltip="Correct the label of the micrograph that is shown, or draw one"),
        Binding("g", "segment", "Segment", tooltip="Segment the micrographs of this folder with a model"),
        Binding("s", "simulate", "Simulate", tooltip="Simulate micrographs with exact masks"),
        Binding("f", "fetch", "Fetch", tooltip="Fetch a published dataset"),
        Binding("slash", "filter", "Filter", key_display="/", show=False, tooltip="Show places with all words"),
        Binding("full_stop", "step(1)", "Next", key_display=".", show=False, tooltip="Next patch or micrograph"),
        Binding("comma", "step(-1)", "Previous", key_display=",", show=False, tooltip="Previous patch or micrograph"),
    )

    @dataclass
    class PreviewBegun(Message):
        """A folder or file is about to be read.

        Attributes:
            place: The dataset or folder that is previewed.
            name: Name of the folder or file.
        """

        place: Path
        name: str

    @dataclass
    class PreviewRead(Message):
        """A preview was read."""

        preview: Preview

    @dataclass
    class PreviewFailed(Message):
        """A dataset or folder cannot be read."""

        reason: str

    @dataclass
    class PlacesFound(Message):
        """Datasets and folders in the workspace."""

        datasets: list[Path]
        folders: list[Path]

    def __init__(self) -> None:
        super().__init__()
        self._datasets: list[Path] = []
        self._folders: list[Path] = []
        self._browsed: list[Path] = []
        self._picked: Path | None = None  # to select once it is listed
        self._place: Path | None = None
        self._index = 0
        self._shown: Preview | None = None
        self._is_unlabelled = False
        self._words = ""  # of the filter

    def compose(self) -> ComposeResult:
        with Vertical(id="place-column"):
            yield FilterField("places")
            yield OptionList(id="places", markup=False)
        with Vertical(id="place"):
            yield HintText(id="place-facts", markup=False)
            yield Static(id="place-problems", classes="problem", markup=False)
            yield MicrographView(id="preview")

    def applies(self, action: str) -> bool:
        """Show only the keys for what is under the cursor: a dataset, or micrographs with or without labels."""
        is_folder = self._place in self._folders
        match action:
            case "use":
                return self._place in self._datasets
            case "prepare":
                return is_folder and not self._is_unlabelled and self._shown is not None
            case "check":
                return is_folder and not self._is_unlabelled
            case "segment":
                return is_folder and self._is_unlabelled
            case "edit":
                return is_folder and self._shown is not None and self._shown.image is not None
            case "step":
                return self._shown is not None and self._shown.count > 1
            case _:
                return True

    def activate(self) -> None:
        """Refresh the list of datasets and folders, and the preview: a label may have been corrected."""
        self.stand_in(self.query_one("#places"))
        self._find()
        if self._place is not None:
            self._preview(self._place, self._index)

    def show_ended_job(self) -> None:
        """Refresh the list: a job may have created a dataset."""
        self._find()

    def on_data_screen_places_found(self, message: PlacesFound) -> None:
        """List datasets, then folders."""
        browsed = [path for path in self._browsed if path not in (*message.datasets, *message.folders)]
        datasets = [*message.datasets, *(path for path in browsed if (path / DATASET_MARK).is_file())]
        folders = [*message.folders, *(path for path in browsed if path not in datasets)]
        is_shown = (datasets, folders) == (self._datasets, self._folders) and self._place is not None
        if is_shown and self._picked in (None, self._place):
            return
        self._datasets, self._folders = datasets, folders
        if not datasets and not folders:
            self._list([], [])
            self._show_nothing()
            return
        self.filter_list("places", self._words)

    def filter_list(self, name: str, words: str) -> None:
        """Show the datasets and folders with these words in their path."""
        self._words = words
        shown = [[path for path in paths if has_words(str(path), words)] for paths in (self._datasets, self._folders)]
        places = self._list(*shown)
        remembered = Path(self.tem_rf.dataset)
        known = [path for paths in shown for path in paths]
        if known:
            first = next((path for path in (self._picked, self._place, remembered) if path in known), known[0])
            self._picked = None
            places.highlighted = places.get_option_index(str(first))

    def _list(self, datasets: list[Path], folders: list[Path]) -> OptionList:
        places, short = self.query_one("#places", OptionList), self.tem_rf.workspace.short
        places.clear_options()
        for title, paths in (("Prepared datasets", datasets), ("Micrographs", folders)):
            places.add_option(Option(title if paths else f"{title}: none", disabled=True))
            places.add_options([Option(f"  {short(path)}", id=str(path)) for path in paths])
        return places

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Preview the dataset or folder under the cursor."""
        place = Path(event.option_id) if event.option_id else None
        if place is not None and place != self._place:
            self._place, self._index, self._is_unlabelled, self._shown = place, 0, False, None
            self.screen.refresh_bindings()
            self._preview(place, 0)

    def on_option_list_option_selected(self) -> None:
        """Use the dataset."""
        self.action_use()

    def on_data_screen_preview_begun(self, message: PreviewBegun) -> None:
        """Say what is read if it takes a while."""
        if message.place != self._place:  # another was selected meanwhile
            return
        view = self.query_one(MicrographView)

        def clear() -> None:
            view.display, view.border_subtitle = True, ""
            if self._shown is None:  # what is shown is of another place
                view.clear()
                self.query_one("#place-facts", Static).update("")
                self.query_one("#place-problems", Static).update("")

        view.expect(message.name, clear)

    def on_data_screen_preview_read(self, message: PreviewRead) -> None:
        """Show the picture and the facts."""
        preview = self._shown = message.preview
        self._index, self._is_unlabelled = preview.index, preview.is_unlabelled
        self.screen.refresh_bindings()
        self.query_one("#place-facts", Static).update("\n".join(preview.facts))
        problems = self.tem_rf.hint("\n".join(f"✗ {problem}" for problem in preview.problems))
        self.query_one("#place-problems", Static).update(problems)
        view = self.query_one(MicrographView)
        view.display = preview.picture is not None
        view.border_title, view.border_subtitle = (
            preview.title,
            f"{preview.file} · {self.tem_rf.hint('{data.next}')} next",
        )
        view.show(preview.picture)

    def on_data_screen_preview_failed(self, message: PreviewFailed) -> None:
        """Show why there is no picture."""
        self._shown = None
        self.screen.refresh_bindings()
        self.query_one("#place-facts", Static).update("")
        self.query_one("#place-problems", Static).update(f"✗ {message.reason}")
        view = self.query_one(MicrographView)
        view.show(None)
        view.display = False

    def action_step(self, by: int) -> None:
        """Show another patch or micrograph."""
        if self._place is not None:
            self._preview(self._place, self._index + by)

    def action_use(self) -> None:
        """Use the dataset for the next training."""
        if self._place in self._datasets and self._place is not None:
            self.post_message(DatasetChosen(self._place))
        else:
            self.notify(
                "This is not a prepared dataset. Select a folder of micrographs and press {data.prepare}.",
                severity="warning",
            )

    def action_browse(self) -> None:
        """Select a folder of micrographs or a prepared dataset anywhere on the disk."""

        def look(folder: Path | None) -> None:
            if folder is not None:
                self._browsed.append(folder)
                self._picked = folder
                self._find()

        self.app.push_screen(BrowseScreen(self.tem_rf.workspace.folder), look)

    def action_prepare(self) -> None:
        """Ask for the settings, then prepare."""
        folder = self._place
        if folder not in self._folders or folder is None:
            self.notify(
                "Select a folder of labelled micrographs first; press {data.simulate} to simulate one.",
                severity="warning",
            )
            return

        def start(request: PrepareRequest | None) -> None:
            if request is not None:
                self.tem_rf.start_command(
                    f"prepare {request.output}",
                    *request.command_line(),
                    "--json",
                    ending=self.tem_rf.hint("done; press {app.train}, then {train.new} to train a network"),
                )

        start_values, fixed = {"output": f"datasets/{folder.name}"}, {"micrographs": (folder,)}
        self.app.push_screen(CommandForm("Prepare", PrepareRequest, start=start_values, fixed=fixed), start)

    def action_check(self) -> None:
        """Check all files of a folder."""
        if self._place in self._folders:
            self.tem_rf.start_command(
                f"check {self.tem_rf.workspace.short(self._place)}", "data", "check", str(self._place), "--json"
            )
        else:
            self.notify("Select a folder of labelled micrographs first.", severity="warning")

    def action_edit(self) -> None:
        """Correct the label of the micrograph."""
        shown = self._shown
        if shown is None or shown.image is None:
            self.notify("Select a folder of micrographs first; prepared patches cannot be edited.", severity="warning")
        elif shown.label is None:
            self.post_message(EditRequested(first_edit_request(shown.image)))
        else:
            self.post_message(EditRequested(edit_request(shown.image, shown.label)))

    def action_segment(self) -> None:
        """Segment the micrographs of a folder."""
        if self._place in self._folders and self._place is not None:
            self.post_message(SegmentRequested(self._place, self._shown.pixel_size_nm if self._shown else None))
        else:
            self.notify(
                "Select a folder of micrographs first; press {data.browse} to browse to yours.", severity="warning"
            )

    def action_simulate(self) -> None:
        """Ask for the settings, then simulate."""

        def start(request: SimulateRequest | None) -> None:
            if request is not None:
                title = f"simulate {request.folder}" if request.like is None else f"fit a preset to {request.like}"
                ending = "done; select it and press {data.prepare} to prepare a dataset"
                ending = self.tem_rf.hint(ending) if request.like is None else "done"
                self.tem_rf.start_command(title, *request.command_line(), "--json", ending=ending)

        self.app.push_screen(CommandForm("Simulate", SimulateRequest), start)

    def action_fetch(self) -> None:
        """Ask for the dataset, then fetch it."""

        def start(request: FetchRequest | None) -> None:
            if request is not None:
                self.tem_rf.start_command(f"fetch {request.name}", *request.command_line(), "--json")

        self.app.push_screen(CommandForm("Fetch a published dataset", FetchRequest), start)

    def _show_nothing(self) -> None:
        folder = self.tem_rf.workspace.folder
        self._place = None
        self.screen.refresh_bindings()
        self.query_one("#place-facts", Static).update(
            f"tem-rf {__version__} segments particles in electron micrographs.\nNo data in {folder} yet.\n\n"
            + _FIRST_STEPS
        )
        self.query_one("#place-problems", Static).update("")
        self.query_one(MicrographView).display = False

    @work(thread=True, exclusive=True, group="places")
    def _find(self) -> None:
        workspace = self.tem_rf.workspace
        self.post_message(self.PlacesFound(workspace.datasets(), workspace.micrograph_folders()))

    @work(thread=True, exclusive=True, group="preview")
    def _preview(self, place: Path, index: int) -> None:
        read = preview_dataset if place in self._datasets else preview_folder
        found: DataScreen.PreviewRead | DataScreen.PreviewFailed
        try:
            found = self.PreviewRead(read(place, index, lambda name: self.post_message(self.PreviewBegun(place, name))))
        except (TemRfError, OSError) as error:
            found = self.PreviewFailed(str(error))
        if not get_current_worker().is_cancelled:  # another was selected meanwhile
            self.post_message(found)
