"""A segmented micrograph or movie at full size: the micrograph next to its particles, one of them selected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf_tui.key_names import named
from tem_rf_tui.particles import box_of
from tem_rf_tui.screens.linked_pictures import LinkedPicturesScreen
from tem_rf_tui.segmented import SegmentedFrame, particle_text, read_segmented, slider
from tem_rf_tui.widgets.hint_text import HintText
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.micrograph_view import MicrographView

_PARTS_OF_VIEW = 4  # a selected particle fills a quarter of the view


class SegmentedScreen(LinkedPicturesScreen):
    """Steps through the particles, frames and files of a segmentation; both pictures show the same area.

    Args:
        folder: The working folder.
        rows: Results of `tem-rf segment`, as JSON.
        start: Index of the first file to show.
    """

    AUTO_FOCUS = "#segmented-mask"
    BINDINGS = named(
        "viewer",
        Binding("n", "particle(1)", "Next", tooltip="Go to the next particle in the order"),
        Binding("p", "particle(-1)", "Previous", tooltip="Go to the previous particle in the order"),
        Binding("o", "order", "Order", tooltip="Order of the particles: size, confidence or contrast, number"),
        Binding("full_stop", "frame(1)", "Frame", key_display=".", tooltip="Next frame of a movie"),
        Binding("comma", "frame(-1)", "Previous frame", key_display=",", show=False, tooltip="Previous frame"),
        Binding("greater_than_sign", "frame(10)", "Ten frames", key_display=">", show=False, tooltip="Ten frames on"),
        Binding("less_than_sign", "frame(-10)", "Ten back", key_display="<", show=False, tooltip="Ten frames back"),
        Binding("pagedown", "file(1)", "Next file", show=False, tooltip="Next segmented file"),
        Binding("pageup", "file(-1)", "Previous file", show=False, tooltip="Previous segmented file"),
        Binding("plus,equals_sign", "zoom(2)", "Zoom in", key_display="+", priority=True),
        Binding("minus", "zoom(0.5)", "Zoom out", key_display="-", show=False, priority=True),
        Binding("0", "reset", "Whole", priority=True, tooltip="Show the whole picture"),
        Binding("left", "pan(0, -1)", "Pan left", show=False, priority=True),
        Binding("right", "pan(0, 1)", "Pan right", show=False, priority=True),
        Binding("up", "pan(-1, 0)", "Pan up", show=False, priority=True),
        Binding("down", "pan(1, 0)", "Pan down", show=False, priority=True),
        Binding("escape,q", "dismiss", "Close"),
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="List all keys"),
    )

    @dataclass
    class FrameRead(Message):
        """A frame was read, or the reason why not."""

        file: int
        frame: SegmentedFrame | str

    def __init__(self, folder: Path, rows: Sequence[Mapping[str, Any]], start: int) -> None:
        super().__init__()
        self._folder, self._rows, self._file = folder, rows, start
        self._frame: SegmentedFrame | None = None
        self._order = 0
        self._place: int | None = None  # of the selected particle in the order

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog whole") as dialog:
            dialog.border_title = "Segmented micrographs"
            yield Static(id="segmented-file", markup=False)
            with Horizontal():
                for name, title in (("image", "micrograph"), ("mask", "particles")):
                    view = MicrographView(id=f"segmented-{name}")
                    view.border_title = title
                    yield view
            yield HintText(id="segmented-particle", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the first frame."""
        self._open(0)

    def on_segmented_screen_frame_read(self, message: FrameRead) -> None:
        """Show the frame, unless another file was selected meanwhile."""
        if message.file != self._file:
            return
        if isinstance(message.frame, str):
            self._frame = None
            for view in self.query(MicrographView):
                view.show(None)
            self.query_one("#segmented-particle", Static).update(f"✗ {message.frame}")
            return
        self._frame, self._place = message.frame, None
        self.refresh_bindings()
        self._show()

    def on_micrograph_view_clicked(self, event: MicrographView.Clicked) -> None:
        """Select the particle under the mouse."""
        frame = self._frame
        if frame is None or not frame.particles:
            return
        ordered = frame.ordered(frame.orders[self._order])
        distances = [(each.y_px - event.y_px) ** 2 + (each.x_px - event.x_px) ** 2 for each in ordered]
        self._place = distances.index(min(distances))
        self._show()

    def applies(self, action: str) -> bool:
        """Show the keys for frames only for a movie."""
        return action != "frame" or (self._frame is not None and self._frame.count > 1)

    def action_particle(self, by: int) -> None:
        """Select another particle, and show it in the middle."""
        frame = self._frame
        if frame is None or not frame.particles:
            return
        start = -1 if self._place is None and by > 0 else self._place or 0
        self._place = (start + by) % len(frame.particles)
        particle = frame.ordered(frame.orders[self._order])[self._place]
        height, width = frame.picture.pixels.shape
        zoom = max(1.0, max(height, width) / (_PARTS_OF_VIEW * particle.feret_max_px))
        for view in self.query(MicrographView):
            view.look_at(particle.y_px / height, particle.x_px / width, zoom)
        self._show()

    def action_order(self) -> None:
        """Step through the particles in another order, from its beginning."""
        if self._frame is not None:
            self._order = (self._order + 1) % len(self._frame.orders)
            self._place = None
            self.action_particle(1)

    def action_frame(self, by: int) -> None:
        """Show another frame."""
        if self._frame is not None and self._frame.count > 1:
            self._open(self._frame.index + by)

    def action_file(self, by: int) -> None:
        """Show another file."""
        self._file = (self._file + by) % len(self._rows)
        self._open(0)

    def _open(self, index: int) -> None:
        """Read a frame of the file and show it."""
        for view in self.query(MicrographView):
            view.expect(Path(self._rows[self._file]["image"]).name)
        self._read(self._file, index)

    def _show(self) -> None:
        frame = self._frame
        if frame is None:
            return
        order = frame.orders[self._order]
        particle = None if self._place is None else frame.ordered(order)[self._place]
        picture = replace(frame.picture, box=box_of(particle) if particle else None)
        self.query_one("#segmented-image", MicrographView).show(replace(picture, mask=None))
        self.query_one("#segmented-mask", MicrographView).show(picture)
        place = f"{self._file + 1}/{len(self._rows)}  {Path(self._rows[self._file]['image']).name}"
        if frame.count > 1:
            place += f"  frame {frame.index + 1}/{frame.count} {slider(frame.index, frame.count)}"
        self.query_one("#segmented-file", Static).update(place)
        if particle is None or self._place is None:
            text = f"{len(frame.particles)} particles; {{viewer.next}} goes through them by {order}, "
            text += "{viewer.order} changes the order"
        else:
            text = particle_text(frame, particle, self._place, order)
        self.query_one("#segmented-particle", Static).update(text)

    @work(thread=True, exclusive=True, group="frame", description="read a frame")
    def _read(self, file: int, index: int) -> None:
        worker = get_current_worker()
        frame: SegmentedFrame | str
        try:
            frame = read_segmented(self._folder, self._rows[file], index)
        except (TemRfError, OSError, KeyError) as error:
            frame = str(error)
        if not worker.is_cancelled:
            self.post_message(self.FrameRead(file, frame))
