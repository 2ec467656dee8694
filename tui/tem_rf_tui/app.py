"""The app: tabs, their shared state, and the thread that watches runs and jobs."""

import gc
import os
import signal
import threading
import time
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding
from textual.events import Resize
from textual.notifications import SeverityLevel
from textual.reactive import Reactive
from textual.renderables.blank import Blank
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import TabbedContent, TabPane
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf.jobs.edit_label import EditRequest
from tem_rf.jobs.settings import SettingsRequest, settings_file
from tem_rf.runs.load import LoadReader
from tem_rf.runs.view import RunTracker, RunView
from tem_rf.study.view import StudyTracker
from tem_rf_tui.announcements import EndingWatch
from tem_rf_tui.check_report import check_report
from tem_rf_tui.help import HelpScreen
from tem_rf_tui.images import ImageKind
from tem_rf_tui.jobs import Job
from tem_rf_tui.key_hints import NAME
from tem_rf_tui.key_names import named, remapped
from tem_rf_tui.key_places import all_bindings, dialog_title, key_places
from tem_rf_tui.messages import (
    CurvesRequested,
    DatasetChosen,
    EditRequested,
    Ended,
    JobsChanged,
    LoadRead,
    NetworksChosen,
    RunsChanged,
    SegmentRequested,
)
from tem_rf_tui.screens import SCREENS, screen_class
from tem_rf_tui.screens.base import WIDE, TabScreen
from tem_rf_tui.screens.guide import GuideScreen
from tem_rf_tui.screens.jobs import JobsScreen
from tem_rf_tui.screens.machine import MachineScreen
from tem_rf_tui.screens.report import ReportScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.screens.too_small import TooSmallScreen
from tem_rf_tui.session import SessionApp
from tem_rf_tui.steps import Step
from tem_rf_tui.terminal_size import is_too_small
from tem_rf_tui.themes import CYCLE, HIGH_CONTRAST, next_theme
from tem_rf_tui.widgets.blank_lines import BlankLines
from tem_rf_tui.widgets.job_line import JobLine, ended_text
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.machine_line import MachineLine

if TYPE_CHECKING:
    from tem_rf.labelling.session import EditingSession
    from tem_rf_tui.label_painting import GreyPyramid

WATCH_INTERVAL_S = 0.5
_SHOWN_ENDINGS = 3
_POLLS_PER_SEARCH = 4  # every two seconds also ended and new runs, and studies; in between the live runs only
LOAD_INTERVAL_S = 2.0
STDIN = 0
HUNG_UP = 128 + getattr(signal, "SIGHUP", 1)  # Windows has no such signal


class ScreenTabs(TabbedContent):
    """The tabs of the app."""

    def on_tab_pane_focused(self, event: TabPane.Focused) -> None:
        """Ignore a late focus event after another tab was opened, so it does not switch back."""
        event.stop()
        event.prevent_default()


class ScreenPane(TabPane):
    """A tab; blank until its content is created, where Textual would show the name of the widget."""

    def render(self) -> Blank:
        return Blank(self.background_colors[1])


class MainScreen(BlankLines, Screen[None]):
    """Holds the tabs; when the focus moves, only the two widgets are redrawn, not everything as in Textual."""

    focused = Reactive[Widget | None](None, repaint=False)


class TemRfApp(SessionApp):
    """Data, networks, training, results and segmentation for one folder.

    Args:
        folder: The working folder, with `runs/`, `datasets/` and `saved_models/` as the commands create them.
        images: How pictures are drawn, as prepared by `tem_rf_tui.images.image_kind`.
    """

    TITLE = "tem-rf"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
    BINDINGS = named(
        "app",
        *(
            Binding(str(number), f"open('{name}')", title, show=False, tooltip=f"Open {title}")
            for number, (name, title) in enumerate(SCREENS, start=1)
        ),
        Binding("question_mark", "help", "Help", key_display="?", tooltip="List all keys"),
        Binding("t", "next_theme", "Theme", show=False, tooltip="Theme: dark, light, high contrast"),
        Binding("i", "guide", "Steps", show=False, tooltip="The six steps: which are done here, and the next one"),
        Binding("S", "settings", "Settings", show=False, tooltip="Theme, pictures, bell and other settings"),
        Binding("j", "jobs", "Jobs", show=False, tooltip="List the jobs started in this folder, and stop one"),
        Binding("M", "machine", "Machine", show=False, tooltip="Load of processors and GPUs, and who uses them"),
        Binding("P", "picture", "Picture", show=False, tooltip="In a browser: open the picture in pixels, as a file"),
        Binding("escape", "leave_field", "Leave field", show=False, tooltip="Leave a field or close a dialog"),
        Binding("q", "quit", "Quit", tooltip="Close the app; runs and jobs continue"),
        Binding("ctrl+p", "command_palette", "Palette", show=False, tooltip="Command palette"),
    )

    def __init__(self, folder: Path, images: ImageKind = "blocks") -> None:
        super().__init__(folder, images)
        self.animation_level = "none"  # each frame would be sent over the network
        self._opened = self._first_screen()
        self._has_terminal = False
        self._ended: set[Path] | None = None  # None: jobs that ended in an earlier session are not reported

    def get_default_screen(self) -> Screen:
        """Return the screen below all dialogs."""
        return MainScreen(id="_default")

    def compose(self) -> ComposeResult:
        with ScreenTabs(initial=self._first_screen()):
            for number, (name, title) in enumerate(SCREENS, start=1):
                yield ScreenPane(f"{number} {title}", id=name)
        yield MachineLine(id="machine-line")
        yield JobLine(id="job-line")
        yield KeyLine()

    def on_mount(self) -> None:
        """Apply the saved theme; everything else follows after the first paint."""
        self._has_terminal = not self.is_headless and os.isatty(STDIN)
        self.register_theme(HIGH_CONTRAST)
        self.theme = self.settings.theme
        self.theme_changed_signal.subscribe(self, lambda theme: self._keep_theme(theme.name))
        if self.settings_problem:
            self.notify(self.settings_problem, severity="warning", timeout=20)
        self._apply_keys()
        self.call_after_refresh(self.call_later, self._begin)

    def on_resize(self, event: Resize) -> None:
        """Say so if the terminal is too small, instead of drawing what cannot be read."""
        is_told, is_small = isinstance(self.screen, TooSmallScreen), is_too_small(*event.size)
        if is_small and not is_told:
            self.push_screen(TooSmallScreen())
        elif is_told and not is_small:
            self.pop_screen()

    # -- keys -----------------------------------------------------------------------------------------------------

    async def action_open(self, name: str) -> None:
        """Open a tab, ready for the next key and drawn only once."""
        with self.batch_update():
            self.screen_stack[0].query_one(ScreenTabs).active = name
            await self._make_ready(name)

    def action_next_theme(self) -> None:
        """Switch to the next theme."""
        self.theme = next_theme(self.theme)

    def _apply_keys(self) -> None:
        if self.settings.keys or self.keys:  # otherwise no screen needs to be imported yet
            self.use_keys([*all_bindings(), *self.BINDINGS])

    def _keep_theme(self, name: str) -> None:
        if name in CYCLE and name != self.settings.theme:  # others can only be tried
            self.change_settings(theme=name)

    def action_settings(self) -> None:
        """Ask for the settings, and save those that were changed."""

        def save(request: SettingsRequest | None) -> None:
            if request is not None:
                before, now = self.settings.values(), request.values()
                self.change_settings(**{name: value for name, value in now.items() if value != before[name]})
                self.theme = self.settings.theme
                self._apply_keys()
                self.notify(f"Saved in {settings_file()}")

        start = {name: value for name, value in self.settings.values().items() if value is not None}
        self.push_screen(CommandForm("Settings", SettingsRequest, start=start, button="Save"), save)

    def action_leave_field(self) -> None:
        """Leave the field, so keys work as shortcuts again."""
        screen = self._open_screen()
        if screen is not None:
            screen.activate()

    def action_help(self) -> None:
        """List all keys."""
        here = dict(SCREENS)[self._opened]
        if len(self.screen_stack) > 1:
            here = dialog_title(self.screen) or here
        keys = dict(key_places())
        places = {f"Here: {here}": keys.pop(here), "Everywhere": self.BINDINGS, **keys}
        self.push_screen(
            HelpScreen({self.hint(title): remapped(bindings, self.keys) for title, bindings in places.items()})
        )

    def hint(self, text: str) -> str:
        """Return a text with the current keys, also of screens that are not imported yet."""
        text = super().hint(text)
        if not NAME.search(text):
            return text
        all_bindings()  # imports the other screens
        return super().hint(text)

    def action_jobs(self) -> None:
        """List the jobs started in this folder."""
        self.push_screen(JobsScreen(self.jobs))

    def action_guide(self) -> None:
        """Show the steps, and begin the next one on request."""

        async def begin(step: Step | None) -> None:
            if step is not None:
                await self.action_open(step.screen)
                self.call_later(self.run_action, step.action, self._open_screen())

        self.push_screen(GuideScreen(self), begin)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Open pictures as files only in a browser, which draws characters only."""
        return self.is_web if action == "picture" else super().check_action(action, parameters)

    def action_picture(self) -> None:
        """Open the focused picture, or the first, in a new tab of the browser."""
        from tem_rf_tui.widgets.micrograph_view import MicrographView

        shown = [view for view in self.screen.query(MicrographView) if view.is_on_screen and not view.is_empty]
        view = next((view for view in shown if view.has_focus), next(iter(shown), None))
        if view is None:
            self.notify("There is no picture here.", severity="warning")
        else:
            name = f"{self._opened}.png"
            file = BytesIO(view.png())
            self.deliver_binary(file, save_filename=name, open_method="browser", mime_type="image/png")

    def action_machine(self) -> None:
        """Show the load of the machine."""
        self.push_screen(MachineScreen(self.loads))

    def get_system_commands(self, screen: Screen) -> Iterable[SystemCommand]:
        """Add the tabs and the actions of the open tab to the command palette of Textual."""
        for name, title in SCREENS:
            yield SystemCommand(title, f"Open {title}", lambda name=name: self.action_open(name))
        open_screen = self._open_screen()
        for binding in open_screen.BINDINGS if open_screen else ():
            if isinstance(binding, Binding) and open_screen is not None:
                action, place = binding.action, open_screen
                yield SystemCommand(
                    binding.description,
                    binding.tooltip or binding.description,
                    lambda action=action, place=place: self.call_later(self.run_action, action, place),
                )
        yield SystemCommand("Settings", "Theme, pictures, bell and other settings", self.action_settings)
        yield SystemCommand("Steps", "The six steps: which are done here, and the next one", self.action_guide)
        yield SystemCommand("Machine", "Load of processors and GPUs, and who uses them", self.action_machine)
        yield SystemCommand("Jobs", "List the jobs started in this folder", self.action_jobs)
        yield from super().get_system_commands(screen)

    # -- messages -------------------------------------------------------------------------------------------------

    async def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        """Handle a tab opened by key or mouse."""
        name = event.pane.id
        if isinstance(event.tabbed_content, ScreenTabs) and name is not None and name != self._opened:
            await self._make_ready(name)

    def on_runs_changed(self, message: RunsChanged) -> None:
        """Show the changed runs."""
        self.runs, self.has_read_runs = message.runs, True
        if not self.screen_stack:  # the app is closing
            return
        screen = self._open_screen()
        if screen is not None:
            screen.show_runs()

    def on_jobs_changed(self, message: JobsChanged) -> None:
        """Show the progress of jobs, and report those that ended."""
        self.jobs = message.jobs
        if not self.screen_stack:
            return
        for line in self.screen_stack[0].query(JobLine):  # none while the app is closing
            line.show(message.jobs)
        if isinstance(self.screen, JobsScreen):
            self.screen.show(message.jobs)
        before, self._ended = self._ended, {job.folder for job in message.jobs if job.state != "running"}
        for job in message.jobs:
            if before is not None and job.folder in self._ended - before:
                self._tell(job)
                self.announce(f"{job.title}: {ended_text(job)}")
        screen = self._open_screen()
        if screen is not None:
            screen.show_jobs()
            if self._ended - (before or set()):  # also those that the open screen was drawn without
                screen.show_ended_job()

    def on_ended(self, message: Ended) -> None:
        """Report runs and studies that have ended, several of them on one line."""
        endings = message.endings
        bad = [ending for ending in endings if ending.is_bad]
        shown = sorted(endings, key=lambda ending: not ending.is_bad)[:_SHOWN_ENDINGS]
        more = len(endings) - len(shown)
        text = "; ".join(ending.text for ending in shown) + (f"; and {more} more" if more else "")
        self.notify(text, severity="error" if bad else "information", timeout=20 if bad else 10)
        self.announce(text)

    def on_load_read(self, message: LoadRead) -> None:
        """Show the load of the machine."""
        self.loads.append(message.load)
        if not self.screen_stack:
            return
        for line in self.screen_stack[0].query(MachineLine):
            line.show(message.load, is_wide=self.size.width >= WIDE)
        if isinstance(self.screen, MachineScreen):
            self.screen.show(self.loads)
        screen = self._open_screen()
        if screen is not None:
            screen.show_load()

    def on_dataset_chosen(self, message: DatasetChosen) -> None:
        """Use a dataset for the next training."""
        self.remember(datasets=self.remembered.with_dataset(self.workspace.folder, message.folder))
        self.notify(f"Using {self.workspace.short(message.folder)} for the next training.")

    def on_networks_chosen(self, message: NetworksChosen) -> None:
        """Use networks for the next training."""
        self.remember(networks=",".join(message.names))
        words = "network" if len(message.names) == 1 else "networks"
        self.notify(f"Using {words} {', '.join(message.names)} for the next training.")

    async def on_curves_requested(self, message: CurvesRequested) -> None:
        """Draw the curves on the Train screen."""
        from tem_rf_tui.screens.train import TrainScreen

        await self.action_open("train")
        screen = self._open_screen()
        if isinstance(screen, TrainScreen):
            screen.overlay(message.runs)

    def on_edit_requested(self, message: EditRequested) -> None:
        """Open a label in the editor."""
        self.notify(f"Opening {message.request.micrograph.name} …")
        self._open_label(message.request)

    async def on_segment_requested(self, message: SegmentRequested) -> None:
        """Open the form on the Segment screen."""
        from tem_rf_tui.screens.segment import SegmentScreen

        await self.action_open("segment")
        screen = self._open_screen()
        if isinstance(screen, SegmentScreen):
            screen.action_segment(message.images)

    # -- helpers --------------------------------------------------------------------------------------------------

    def _first_screen(self) -> str:
        names = [name for name, _ in SCREENS]
        return self.remembered.screen if self.remembered.screen in names else names[0]

    def _open_screen(self) -> TabScreen | None:
        """Return the content of the open tab; None before it is created and while the app is closing."""
        tabs = next(iter(self.screen_stack[0].query(ScreenTabs)), None)
        if tabs is None or not tabs.display or not tabs.active:  # what is being removed is displayed no longer
            return None
        return next(iter(tabs.query(f"#{tabs.active} TabScreen").results(TabScreen)), None)

    async def _begin(self) -> None:
        await self._make_ready(self._opened)
        await self.take_keys()
        self._watch()
        # Not with the runs, and nothing that is waited for at the end: the driver of a sick GPU may never answer.
        threading.Thread(target=self._read_load, daemon=True).start()
        self._import_screens()

    async def _make_ready(self, name: str) -> None:
        """Create the content of a tab when it is first opened, and give it the focus."""
        self._opened = name
        tabs = self.screen_stack[0].query_one(ScreenTabs)
        pane = tabs.get_pane(name)
        if not pane.query(TabScreen):
            await pane.mount(screen_class(name)())  # no message reaches it before its widgets exist
        if tabs.active == name and (screen := self._open_screen()) is not None:
            screen.activate()
            screen.show_runs()
        if name != self.remembered.screen:
            self.call_after_refresh(self.remember, screen=name)

    def _tell(self, job: Job) -> None:
        if report := check_report(job.result()):
            if len(self.screen_stack) == 1:
                self.push_screen(ReportScreen(f"{job.title}: {report.headline}", report.lines))
            else:  # the user is busy in a dialog
                severity: SeverityLevel = "information" if report.is_clean else "warning"
                self.notify(
                    f"{job.title}: {report.headline}. Press {{app.jobs}} to read the report.", severity=severity
                )
        elif job.state == "done":
            self.notify(f"{job.title}: {ended_text(job)}")
        else:
            why = next(reversed([*job.report, *job.messages]), "no output")
            self.notify(
                f"{job.title}: {ended_text(job)}: {why.rstrip('.')}. Press {{app.jobs}} to see its output.",
                severity="error",
                timeout=20,
            )

    @work(thread=True, exclusive=True, group="edit", description="open a label")
    def _open_label(self, request: EditRequest) -> None:
        from tem_rf.jobs.edit_label import open_label
        from tem_rf_tui.label_painting import GreyPyramid

        try:
            session = open_label(request)
        except (TemRfError, OSError) as error:
            self.call_from_thread(self.notify, str(error), severity="error", timeout=20)
            return
        try:
            pyramid = GreyPyramid(session.micrograph.pixels)
            self.call_from_thread(self._show_editor, session, pyramid)
        except BaseException:  # the app is closing
            session.close()
            raise

    def _show_editor(self, session: "EditingSession", pyramid: "GreyPyramid") -> None:
        from tem_rf_tui.screens.edit_label import EditLabelScreen

        self.clear_notifications()

        def close(_: None) -> None:
            session.close()
            screen = self._open_screen()
            if screen is not None:
                screen.activate()

        self.push_screen(EditLabelScreen(session, pyramid), close)

    @work(thread=True, group="import")
    def _import_screens(self) -> None:
        """Import all screens, so opening a tab does not delay the next key."""
        for name, _ in SCREENS:
            screen_class(name)

    def _read_load(self) -> None:
        reader = LoadReader()
        while self.is_running:
            self.post_message(LoadRead(reader.read()))
            time.sleep(LOAD_INTERVAL_S)

    @work(thread=True, group="watch")
    def _watch(self) -> None:
        """Check runs and jobs twice a second, and post messages with the changes."""
        worker, tracker = get_current_worker(), RunTracker(self.workspace.runs)
        runs: list[RunView] | None = None
        jobs: list[Job] | None = None
        self.board.forget_old()
        studies, endings = StudyTracker(self.workspace.studies), EndingWatch()
        polls = 0
        while not worker.is_cancelled:
            runs_now = tracker.poll(only_live=polls % _POLLS_PER_SEARCH != 0)
            jobs_now = self.board.poll()
            if runs is None:
                gc.freeze()  # the events of 500 runs are 200,000 objects: each full garbage collection would take 0.1 s
            if runs_now != runs:
                runs = runs_now
                self.post_message(RunsChanged(runs))
            if jobs_now != jobs:
                jobs = jobs_now
                self.post_message(JobsChanged(jobs))
            if polls % _POLLS_PER_SEARCH == 0 and (news := endings.news(runs, studies.poll(None))):
                self.post_message(Ended(news))
            polls += 1
            if self._has_terminal and not os.isatty(STDIN):
                os._exit(HUNG_UP)  # the terminal is gone, and we missed its signal; there is nothing to restore
            time.sleep(WATCH_INTERVAL_S)
