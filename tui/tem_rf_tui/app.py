"""The app: its keys, dialogs and the requests that one screen makes of another."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from tem_rf.errors import TemRfError
from tem_rf.jobs.settings import SettingsRequest, settings_file
from tem_rf_tui.following import FollowingApp
from tem_rf_tui.help import HelpScreen
from tem_rf_tui.images import ImageKind
from tem_rf_tui.key_hints import NAME
from tem_rf_tui.key_names import named, remapped
from tem_rf_tui.key_places import all_bindings, dialog_title, key_places
from tem_rf_tui.messages import (
    CurvesRequested,
    DatasetChosen,
    EditRequested,
    NetworksChosen,
    SegmentRequested,
)
from tem_rf_tui.screens import SCREENS
from tem_rf_tui.screens.base import WIDE
from tem_rf_tui.screens.guide import GuideScreen
from tem_rf_tui.screens.jobs import JobsScreen
from tem_rf_tui.screens.machine import MachineScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.steps import Step
from tem_rf_tui.themes import CYCLE, HIGH_CONTRAST, next_theme

if TYPE_CHECKING:
    from tem_rf.jobs.edit_label import EditRequest
    from tem_rf.labelling.session import EditingSession
    from tem_rf_tui.label_painting import GreyPyramid


class TemRfApp(FollowingApp):
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

    def on_mount(self) -> None:
        """Apply the saved theme; everything else follows after the first paint."""
        self.register_theme(HIGH_CONTRAST)
        self.theme = self.settings.theme
        self.theme_changed_signal.subscribe(self, lambda theme: self._keep_theme(theme.name))
        if self.settings_problem:
            self.notify(self.settings_problem, severity="warning", timeout=20)
        self._apply_keys()
        self.call_after_refresh(self.call_later, self._begin)

    # -- keys -----------------------------------------------------------------------------------------------------

    def action_next_theme(self) -> None:
        """Switch to the next theme."""
        self.theme = next_theme(self.theme)

    def _apply_keys(self) -> None:
        if self.settings.keys or self.keys:  # otherwise no screen needs to be imported yet
            self.use_keys([*all_bindings(), *self.BINDINGS])

    def _keep_theme(self, name: str) -> None:
        is_new = name in CYCLE and name != self.settings.theme  # others can only be tried
        if is_new and (problem := self.change_settings(theme=name)):
            self.tell_of_unsaved(problem)

    def action_settings(self) -> None:
        """Ask for the settings, and save those that were changed."""

        def save(request: SettingsRequest | None) -> None:
            if request is not None:
                before, now = self.settings.values(), request.values()
                problem = self.change_settings(**{name: each for name, each in now.items() if each != before[name]})
                self.theme = self.settings.theme
                self._apply_keys()
                if problem:
                    self.notify(problem, severity="error", timeout=20)
                else:
                    self.notify(f"Saved in {settings_file()}")

        start = {name: value for name, value in self.settings.values().items() if value is not None}
        self.push_screen(CommandForm("Settings", SettingsRequest, start=start, button="Save"), save)

    def action_leave_field(self) -> None:
        """Leave the field, so keys work as shortcuts again."""
        screen = self.open_screen()
        if screen is not None:
            screen.activate()

    def action_help(self) -> None:
        """List all keys."""
        here = dict(SCREENS)[self.opened]
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
                self.call_later(self.run_action, step.action, self.open_screen())

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
            name = f"{self.opened}.png"
            file = BytesIO(view.png())
            self.deliver_binary(file, save_filename=name, open_method="browser", mime_type="image/png")

    def action_machine(self) -> None:
        """Show the load of the machine."""
        self.push_screen(MachineScreen(self.loads))

    def get_system_commands(self, screen: Screen) -> Iterable[SystemCommand]:
        """Add the tabs and the actions of the open tab to the command palette of Textual."""
        for name, title in SCREENS:
            yield SystemCommand(title, f"Open {title}", lambda name=name: self.action_open(name))
        open_screen = self.open_screen()
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
        screen = self.open_screen()
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
        screen = self.open_screen()
        if isinstance(screen, SegmentScreen):
            screen.choose_model(message.pixel_size_nm)
            screen.action_segment(message.images)

    # -- helpers --------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        await self.make_ready(self.opened)
        await self.take_keys()
        self.follow()
        self.import_screens()

    @work(thread=True, exclusive=True, group="edit", description="open a label")
    def _open_label(self, request: "EditRequest") -> None:
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
            screen = self.open_screen()
            if screen is not None:
                screen.activate()

        self.push_screen(EditLabelScreen(session, pyramid), close)
