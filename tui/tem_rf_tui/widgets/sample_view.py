"""Validation patches of a run, with label and prediction side by side."""

from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from tem_rf.errors import ReadError
from tem_rf.runs.samples import Samples, read_samples
from tem_rf.runs.view import RunView
from tem_rf_tui.painting import Picture
from tem_rf_tui.widgets.micrograph_view import MicrographView


class SampleView(Vertical):
    """Shows one patch twice: with the outlines of its label, and of the prediction after the latest epoch."""

    @dataclass
    class SamplesRead(Message):
        """The patches of a run were read.

        Attributes:
            path: The file.
            samples: The patches.
            dice: Hard dice of each.
        """

        path: Path
        samples: Samples
        dice: list[float]

    @dataclass
    class SamplesMissing(Message):
        """The patches of a run cannot be read.

        Attributes:
            path: The file.
            reason: The reason.
        """

        path: Path
        reason: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._run: RunView | None = None
        self._asked_for: object = None
        self._read_last: SampleView.SamplesRead | None = None
        self._patch = 0

    def compose(self) -> ComposeResult:
        yield Static(id="no-samples", markup=False)
        with Horizontal(id="samples-side-by-side"):
            yield MicrographView(id="sample-label")
            yield MicrographView(id="sample-prediction")

    def show(self, run: RunView) -> None:
        """Show the patches of a run, if they have changed."""
        self._run = run
        if self._asked_for != (run.run, run.sampled_epoch):
            self._asked_for = (run.run, run.sampled_epoch)
            self._read(run.run.samples_file)

    def step(self, by: int) -> None:
        """Show another patch."""
        self._patch += by
        self._draw()

    def on_sample_view_samples_read(self, message: SamplesRead) -> None:
        """Show the patches."""
        if self._run is not None and message.path == self._run.run.samples_file:
            self._read_last = message
            self._draw()

    def on_sample_view_samples_missing(self, message: SamplesMissing) -> None:
        """Show why there are no patches."""
        if self._run is not None and message.path == self._run.run.samples_file:
            self._read_last = None
            none_yet = "No patches yet; they appear here after the first epoch, with the prediction of the network."
            self._say(message.reason if self._run.epochs else none_yet)

    def _draw(self) -> None:
        if self._read_last is None or self._run is None:
            return
        self._say("")
        samples, count = self._read_last.samples, len(self._read_last.samples.images)
        self._patch %= count
        pixel_size_nm = self._run.config.pixel_size_nm if self._run.config else None
        dice = self._read_last.dice[self._patch]
        for name, masks, title in (
            ("label", samples.labels, f"label, patch {self._patch + 1}/{count}"),
            ("prediction", samples.predictions, f"epoch {samples.epoch}, dice {dice:.3f}"),
        ):
            view = self.query_one(f"#sample-{name}", MicrographView)
            view.border_title = title
            view.show(Picture(samples.images[self._patch], masks[self._patch], pixel_size_nm))

    def _say(self, words: str) -> None:
        text = self.query_one("#no-samples", Static)
        text.update(words)
        text.display, self.query_one("#samples-side-by-side").display = bool(words), not words

    @work(thread=True, exclusive=True, group="samples", description="samples")
    def _read(self, path: Path) -> None:
        from tem_rf.metrics.dice import hard_dice

        try:
            samples = read_samples(path)
            dice = hard_dice(samples.predictions, samples.labels).tolist()
            self.post_message(self.SamplesRead(path, samples, dice))
        except ReadError as error:
            self.post_message(self.SamplesMissing(path, str(error)))
