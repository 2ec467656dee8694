"""One run: state, curves, patches, log and settings."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from tem_rf.runs.events import NoticeEvent, StatusEvent
from tem_rf.runs.load import MachineLoad
from tem_rf.runs.view import RunView
from tem_rf_tui.machine import machine_text
from tem_rf_tui.widgets.curves import Curves
from tem_rf_tui.widgets.hint_text import HintText
from tem_rf_tui.widgets.run_table import SIGNS, duration
from tem_rf_tui.widgets.sample_view import SampleView

_LOG_BYTES = 16_000
_VIEWS = ("curves", "samples", "log", "settings", "machine")


class RunDetail(Vertical):
    """Shows one run."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._run: RunView | None = None
        self._overlaid: tuple[RunView, ...] = ()
        self._place = ""
        self._loads: Sequence[MachineLoad] = ()

    def compose(self) -> ComposeResult:
        yield HintText(id="headline", markup=False)
        yield Static(id="progress", markup=False)
        with TabbedContent(id="views"):
            with TabPane("Curves", id="curves"):
                yield Curves(id="plots")
            with TabPane("Patches", id="samples"):
                yield SampleView(id="sample-view")
            with TabPane("Log", id="log"), VerticalScroll():
                yield Static(id="log-text", markup=False)
            with TabPane("Settings", id="settings"), VerticalScroll():
                yield Static(id="settings-text", markup=False)
            with TabPane("Machine", id="machine"), VerticalScroll():
                yield Static(id="machine-text", markup=False)

    def show(self, run: RunView | None, overlaid: tuple[RunView, ...] = (), place: str = "") -> None:
        """Show the current state of a run.

        Args:
            run: The run; None: nothing.
            overlaid: Runs whose curves are drawn instead of those of the run.
            place: Its place in the queue, in words.
        """
        self.display = run is not None
        if run is None or (run is self._run and (overlaid, place) == (self._overlaid, self._place)):
            return
        is_other = self._run is None or (run.run, run.state) != (self._run.run, self._run.state)
        is_other |= (run.notes, place) != (self._run.notes if self._run else None, self._place)
        self._overlaid, self._place = overlaid, place
        self.set_class(bool(overlaid), "-overlaid")  # their curves need the room in a narrow terminal
        self._run = run
        self.query_one("#headline", Static).update(f"{SIGNS[run.state]} {headline(run, place)}", layout=is_other)
        self.query_one("#progress", Static).update(progress(run), layout=False)  # twice a second, fixed height
        self.query_one("#plots", Curves).show(overlaid or (run,))
        if is_other:
            self.query_one("#settings-text", Static).update(_settings(run))
        self._show_open_view()

    def next_view(self) -> None:
        """Cycle through curves, patches, log and settings."""
        views = self.query_one("#views", TabbedContent)
        views.active = _VIEWS[(_VIEWS.index(views.active) + 1) % len(_VIEWS)]
        self._show_open_view()

    def next_patch(self, by: int) -> None:
        """Show another validation patch."""
        self.query_one("#sample-view", SampleView).step(by)

    def toggle_log_scale(self) -> bool:
        """Switch the loss axis; True if it is now logarithmic."""
        return self.query_one("#plots", Curves).toggle_log()

    def show_load(self, loads: Sequence[MachineLoad]) -> None:
        """Show the load of the machine, if that view is open."""
        self._loads = loads
        if self.query_one("#views", TabbedContent).active == "machine":
            self.query_one("#machine-text", Static).update(machine_text(loads))

    def next_axis(self) -> None:
        """Draw the curves against epochs, steps or time."""
        self.query_one("#plots", Curves).next_axis()

    def next_smoothing(self) -> None:
        """Smooth the curves more, or not at all."""
        self.query_one("#plots", Curves).next_smoothing()

    def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        """Read log and patches when they are opened."""
        event.stop()
        self._show_open_view()

    def _show_open_view(self) -> None:
        active = self.query_one("#views", TabbedContent).active
        self.show_load(self._loads)
        if self._run and active == "samples":
            self.query_one("#sample-view", SampleView).show(self._run)
        elif self._run and active == "log":
            self.query_one("#log-text", Static).update(log_text(self._run))
            self.query_one("#log VerticalScroll", VerticalScroll).scroll_end(animate=False)


def headline(run: RunView, place: str = "") -> str:
    """Return the state of a run in words, with instructions if it ended early."""
    again = f"press {{train.resume}} to resume from the latest checkpoint (tem-rf resume {shlex.quote(run.run.name)})"
    words = {
        "new": "not started; press {train.resume} to start it",
        "queued": f"waiting in the queue, {place}" if place else "waiting in the queue, or about to start",
        "starting": "starting",
        "running": "training",
        "paused": "paused; press {train.pause} to resume",
        "stopped": f"stopped; {again}",
        "finished": "finished",
        "failed": f"failed: {run.detail}; {again}",
        "killed": f"killed{_last_words(run)}; {again}",
        "unreadable": run.detail,
    }
    detail = f" ({run.detail})" if run.detail and run.state in ("finished", "stopped") else ""
    note = f"\n{run.notes.note}" if run.notes.note else ""
    return f"{run.run.name}: {words[run.state]}{detail}{note}"


def _last_words(run: RunView) -> str:
    """Return the error with which the log of a killed run ends: on a full disk no event can say why it ended."""
    if run.state != "killed":
        return ""
    last = _tail(run.run.log_file).rstrip().rpartition("\n")[2]
    return f": {last.removeprefix('tem-rf: ').rstrip('.')}" if last.startswith("tem-rf: ") else ""


def progress(run: RunView) -> str:
    """Return epochs, speed, time left, memory and device on one line."""
    parts = []
    if run.config:
        parts.append(f"epoch {len(run.epochs)}/{run.total_epochs}")
    if run.state == "running" and run.step and run.step.epoch > len(run.epochs):
        parts.append(f"step {run.step.step}/{run.step.steps}  loss {run.step.loss:.4f}")
    if run.patches_per_s is not None:
        parts.append(f"{run.patches_per_s:.1f} patches/s")
    if run.seconds_left is not None:
        parts.append(f"{duration(run.seconds_left)} left")
    if run.best:
        parts.append(f"best {run.best.validation_hard_dice:.3f} (epoch {run.best.epoch})")
    if run.epochs:
        parts.append(f"{run.epochs[-1].memory_mb:.0f} MB")
    if run.device:
        parts.append(run.device)
    return " · ".join(parts)


def log_text(run: RunView) -> str:
    """Return the events, then the end of the log of a detached process."""
    lines = [f"{_clock(event.time)}  {_say(event)}" for event in run.happenings]
    tail = _tail(run.run.log_file)
    return "\n".join(lines + (["", f"{run.run.log_file.name}:", tail] if tail else []))


def _say(event: StatusEvent | NoticeEvent) -> str:
    return event.message if isinstance(event, NoticeEvent) else f"{event.state} {event.detail}".strip()


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def _settings(run: RunView) -> str:
    if run.config is None:
        return run.detail
    architecture = run.config.architecture
    rows: dict[str, object] = {
        "dataset": run.config.dataset,
        "network": architecture.name,
        "parameters": architecture.parameters,
        "receptive field": f"{architecture.receptive_field.equation_size_px} px",
        "seed": run.config.seed,
        **run.config.training.model_dump(),
        **({} if run.config.augmentation.is_off else run.config.augmentation.model_dump()),
    }
    return "\n".join(f"{name.replace('_', ' '):24}{'–' if value is None else value}" for name, value in rows.items())
