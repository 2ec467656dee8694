"""Segment: choose a model, segment micrographs, and view masks and particle sizes."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf.jobs.edit_label import EditRequest
from tem_rf.jobs.next_labels import NextRequest
from tem_rf.jobs.particles import ParticlesRequest
from tem_rf.jobs.segment import SegmentRequest
from tem_rf.saved_models import SHIPPED_MODELS, models_in
from tem_rf_tui.key_names import named
from tem_rf_tui.messages import EditRequested
from tem_rf_tui.model_facts import model_facts, nearest_model
from tem_rf_tui.painting import Picture
from tem_rf_tui.particles import ParticleList, list_particles
from tem_rf_tui.previews import preview_mask
from tem_rf_tui.screens.base import READING, TabScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.screens.segmented import SegmentedScreen
from tem_rf_tui.segment_jobs import TITLE, ResultRow, SegmentJobs
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.hint_text import HintText
from tem_rf_tui.widgets.micrograph_view import MicrographView
from tem_rf_tui.widgets.particle_view import ParticleView
from tem_rf_tui.widgets.row_table import Row, RowTable
from tem_rf_tui.wording import has_words


class SegmentScreen(TabScreen):
    """Models on the left; segmented micrographs on the right."""

    BINDINGS = named(
        "segment",
        Binding("s", "segment", "Segment", tooltip="Segment micrographs with the model under the cursor"),
        Binding("n", "suggest", "Suggest", tooltip="Suggest what to label next, with the model under the cursor"),
        Binding("c", "correct", "Correct", tooltip="Correct the particles of the segmented micrograph"),
        Binding("f", "view", "Open", tooltip="Open the segmented micrograph at full size, with each particle"),
        Binding("p", "pool", "Report", tooltip="Summarize the folder of this result as one experiment: report.html"),
        Binding("v", "masks", "Masks", show=False, tooltip="Switch between models and segmented micrographs"),
        Binding("slash", "filter", "Filter", key_display="/", show=False, tooltip="Show rows with all words"),
        Binding("h", "particles", "Sizes", tooltip="Switch between picture and particles in a narrow terminal"),
    )

    @dataclass
    class MaskRead(Message):
        """A mask was read."""

        title: str
        picture: Picture

    @dataclass
    class ParticlesRead(Message):
        """The particles of a file were read, or the reason why not."""

        particles: ParticleList | str

    def __init__(self) -> None:
        super().__init__()
        self._found: list[Path] = []  # all models
        self._models: list[Path] = []  # those with the words of the filter
        self._model_words = ""
        self._jobs = SegmentJobs()
        self._results: list[ResultRow] = []
        self._shown: list[ResultRow] = []  # those with the words of the filter
        self._words = ""
        self._picture: Picture | None = None
        self._particles: ParticleList | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="model-column"):
            yield FilterField("models")
            yield OptionList(id="models", markup=False)
            yield HintText(id="model-facts", markup=False)
        with Vertical(id="segmented-column"):
            yield FilterField("segmented")
            yield RowTable(("micrograph", "particle", "particles", "expected dice", "results in"), id="segmented")
            with Horizontal(id="segmented-views"):
                yield MicrographView(id="mask-view")
                yield ParticleView(id="particle-view")
            yield HintText(id="no-masks", markup=False)

    @property
    def key_words(self) -> dict[str, str]:
        """Name the view that the key opens."""
        return {"particles": "Picture" if self.has_class("-particles") else "Sizes"}

    def applies(self, action: str) -> bool:
        """Show no key for results while there are none, and none to switch views that are side by side."""
        if action in ("segment", "suggest", "filter"):
            return True
        return bool(self._results) and (action != "particles" or not self.is_wide)

    def activate(self) -> None:
        """Refresh models and masks."""
        self.stand_in(self.query_one("#models"))
        self._list_models()
        self._list_masks()

    def show_runs(self) -> None:
        """Refresh the models: a run with an epoch has a model."""
        self._list_models()

    def show_jobs(self) -> None:
        """Show the results so far, also of folders that are followed."""
        self._list_masks()

    def show_ended_job(self) -> None:
        """Refresh the models: one may have been exported."""
        self._list_models()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the facts about the model."""
        self.query_one("#model-facts", Static).update(model_facts(Path(event.option_id)) if event.option_id else "")

    def on_option_list_option_selected(self) -> None:
        """Segment with the model."""
        self.action_segment()

    def on_row_table_row_highlighted(self, event: RowTable.RowHighlighted) -> None:
        """Show the mask and the particles."""
        event.stop()
        if event.table.id == "segmented":
            row = self._shown[event.table.cursor_row]
            self.query_one(MicrographView).expect(Path(row["image"]).name)
            self._read_result(row)
        elif event.table.id == "particles":
            self._show_particle(event.table.cursor_row)

    def on_row_table_row_selected(self, event: RowTable.RowSelected) -> None:
        """Open the segmented micrograph at full size."""
        event.stop()
        if event.table.id == "segmented":
            self.action_view()

    def action_view(self) -> None:
        """Open the segmented micrograph under the cursor at full size."""
        if not self._shown:
            self.notify("No segmented micrographs yet; select a model and press {segment.segment}.", severity="warning")
            return
        row = self.query_one("#segmented", RowTable).cursor_row
        self.app.push_screen(SegmentedScreen(self.tem_rf.workspace.folder, self._shown, row))

    def on_segment_screen_mask_read(self, message: MaskRead) -> None:
        """Show the micrograph with outlined particles."""
        view = self.query_one(MicrographView)
        view.border_title = message.title
        self._picture = message.picture
        view.show(message.picture)

    def _show_no_picture(self, reason: str) -> None:
        self._picture = None
        self.query_one(MicrographView).show(None)
        self.notify(reason, severity="warning", timeout=10)

    def on_segment_screen_particles_read(self, message: ParticlesRead) -> None:
        """Show table and histogram."""
        view = self.query_one(ParticleView)
        if isinstance(message.particles, str):
            view.say(message.particles)
        else:
            view.show(message.particles)
        self._particles = None if isinstance(message.particles, str) else message.particles

    def _show_particle(self, row: int) -> None:
        """Frame the particle under the cursor of the table in the picture, which shows the first frame."""
        if self._picture is None or self._particles is None or not self.query_one("#particles", RowTable).has_focus:
            return
        frame, box = self._particles.boxes[self.query_one(ParticleView).shown[row]]
        self.query_one(MicrographView).show(replace(self._picture, box=box if frame == 1 else None))

    def action_particles(self) -> None:
        """Switch between picture and particles."""
        self.toggle_class("-particles")
        self.screen.refresh_bindings()

    def action_masks(self) -> None:
        """Switch between models and masks."""
        models, masks = self.query_one("#models"), self.query_one("#segmented")
        (masks if models.has_focus and self._shown else models).focus()

    def action_correct(self) -> None:
        """Open the segmented micrograph under the cursor in the label editor."""
        if not self._shown:
            self.notify("No segmented micrographs yet; select a model and press {segment.segment}.", severity="warning")
            return
        row, folder = self._shown[self.query_one("#segmented", RowTable).cursor_row], self.tem_rf.workspace.folder
        given = {"probability": folder / row["probability"]} if "probability" in row else {}
        particles = folder / (row.get("instances") or row["mask"])  # results of earlier versions have no instances
        request = EditRequest.build(micrograph=folder / row["image"], mask=particles, **given)
        self.post_message(EditRequested(request))

    def action_pool(self) -> None:
        """Ask how to pool the particles of the folder under the cursor, then write the report."""
        if not self._shown:
            self.notify("No segmented micrographs yet; select a model and press {segment.segment}.", severity="warning")
            return
        folder = Path(self._shown[self.query_one("#segmented", RowTable).cursor_row]["mask"]).parent

        def start(request: ParticlesRequest | None) -> None:
            if request is not None:
                page = (request.output or request.folder / "report") / "report.html"
                title, ending = f"particles {request.folder}", f"done; the report is {page}"
                self.tem_rf.start_command(title, *request.command_line(), ending=ending)

        self.app.push_screen(CommandForm("Report of one experiment", ParticlesRequest, start={"folder": folder}), start)

    def action_segment(self, images: Path | None = None) -> None:
        """Ask for the settings, then segment.

        Args:
            images: Initial file or folder; None for the newest folder of micrographs.
        """
        model = self._model()
        if model is None:
            return

        def start(request: SegmentRequest | None) -> None:
            if request is not None:
                images = ", ".join(map(str, request.images))
                self.tem_rf.start_command(f"{TITLE}{images}", *request.command_line(), "--json")

        images = images or self.tem_rf.newest_micrographs()
        form = CommandForm(
            f"Segment with {model.name}",
            SegmentRequest,
            start={"images": (self.tem_rf.workspace.short(images),)} if images else None,
            fixed={"model": (str(model),)},
            leave_out=("models", "runs"),  # folders in which models are searched by name
        )
        self.app.push_screen(form, start)

    def choose_model(self, pixel_size_nm: float | None) -> None:
        """Put the cursor on the model whose pixel size is closest to that of the micrographs, as the command does."""
        model = nearest_model(self._models, pixel_size_nm)
        if model is not None:
            self.query_one("#models", OptionList).highlighted = self._models.index(model)

    def action_suggest(self) -> None:
        """Ask for micrographs without labels, then cut out the patches to label next."""
        model = self._model()
        if model is None:
            return

        def start(request: NextRequest | None) -> None:
            if request is not None:
                self.tem_rf.start_command(
                    f"label next {request.folder}",
                    *request.command_line(),
                    ending=self.tem_rf.hint(
                        f"press {{app.data}} and {{data.edit}} to correct the patches in {request.output}, "
                        "{app.jobs} for the reasons"
                    ),
                )

        folder = self.tem_rf.newest_micrographs()
        form = CommandForm(
            f"What to label next, for {model.name}",
            NextRequest,
            start={"folder": self.tem_rf.workspace.short(folder)} if folder else None,
            fixed={"model": (str(model),)},
            leave_out=("models", "runs"),
        )
        self.app.push_screen(form, start)

    def _model(self) -> Path | None:
        """Return the model under the cursor; say so if there is none."""
        index = self.query_one("#models", OptionList).highlighted
        if index is None or not self._models:
            self.notify("No models yet; train or export a network.", severity="warning")
            return None
        return self._models[index]

    def _list_models(self) -> None:
        trained = [run.run.path for run in self.tem_rf.runs if run.epochs and run.run.model_file.exists()]
        own = [*self.tem_rf.workspace.exported_models(), *trained]
        models = [*own, *(model for model in models_in(SHIPPED_MODELS) if model not in own)]
        if models != self._found:
            self._found = models
            self._show_models()

    def _show_models(self) -> None:
        """List the models with the words of the filter; the cursor stays on its model."""
        options = self.query_one("#models", OptionList)
        before = None if options.highlighted is None else self._models[options.highlighted]
        self._models = [path for path in self._found if has_words(self._title_of(path), self._model_words)]
        options.clear_options()
        options.add_options([Option(self._title_of(path), id=str(path)) for path in self._models])
        if self._models:
            options.highlighted = self._models.index(before) if before in self._models else 0

    def _title_of(self, model: Path) -> str:
        is_shipped = model.parent == SHIPPED_MODELS
        return f"{model.name} (included)" if is_shipped else self.tem_rf.workspace.short(model)

    def _list_masks(self) -> None:
        results = self._jobs.rows(self.tem_rf.jobs)
        empty, table, views = (
            self.query_one("#no-masks", Static),
            self.query_one("#segmented", RowTable),
            self.query_one("#segmented-views"),
        )
        table.display = views.display = bool(results)
        empty.display = not results
        none = "No segmented micrographs yet.\n\nSelect a model and press {segment.segment}."
        empty.update(none if self.tem_rf.has_read_jobs else READING)
        if results != self._results:
            known = {row["mask"] for row in self._results}
            self._results = results
            self._filter_results(self._words)
            self._go_to_first([row for row in self._shown if row["mask"] not in known])
            self.screen.refresh_bindings()

    def filter_list(self, name: str, words: str) -> None:
        """Show the models, segmented micrographs or particles with these words."""
        if name == "models":
            self._model_words = words
            self._show_models()
        elif name == "particles":
            self.query_one(ParticleView).filter(words)
        else:
            self._filter_results(words)

    def _filter_results(self, words: str) -> None:
        self._words = words
        table = self.query_one("#segmented", RowTable)
        before = self._shown[table.cursor_row]["mask"] if self._shown else None
        self._shown = [row for row in self._results if has_words(" ".join(_cells(row)), words)]
        table.show_rows([_cells(row) for row in self._shown])
        index = next((index for index, row in enumerate(self._shown) if row["mask"] == before), None)
        if index is not None:  # the cursor stays on its micrograph while others are added
            table.move_cursor(index)

    def _go_to_first(self, new: list[ResultRow]) -> None:
        """Show a new result, unless the user is looking through the results."""
        table = self.query_one("#segmented", RowTable)
        if new and not self.query_one("#segmented-column").has_focus_within:
            table.move_cursor(self._shown.index(new[0]))

    @work(thread=True, exclusive=True, group="mask", description="mask and particles")
    def _read_result(self, row: dict[str, Any]) -> None:
        folder, worker = self.tem_rf.workspace.folder, get_current_worker()
        try:
            particles: ParticleList | str = list_particles(folder / row["particles"], row.get("pixel_size_nm"))
        except KeyError:
            particles = "This file was segmented by a version that did not measure particles; segment it again."
        except TemRfError as error:
            particles = f"✗ {error}"
        if worker.is_cancelled:  # another micrograph was selected meanwhile
            return
        self.post_message(self.ParticlesRead(particles))
        try:
            picture = preview_mask(folder / row["image"], folder / row["mask"], row.get("pixel_size_nm"))
        except (TemRfError, OSError) as error:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._show_no_picture, str(error))
            return
        if not worker.is_cancelled:
            self.post_message(self.MaskRead(f"{Path(row['image']).name}, particles outlined", picture))


def _cells(result: dict[str, Any]) -> Row:
    count = result.get("sizes", {}).get("count", "–")
    return (
        Path(result["image"]).name,
        f"{result['particle_fraction']:.1%}",
        str(count),
        trust_cell(result),
        str(Path(result["mask"]).parent),
    )


def trust_cell(result: dict[str, Any]) -> str:
    """Return the expected dice of a segmented file, and the reason where its masks cannot be trusted."""
    trust = result.get("trust")
    if not trust:
        return "–"
    dice = f"{trust['expected_dice']:.2f}"
    return dice if trust["is_trusted"] else f"✗ {dice} {trust['reason']}"
