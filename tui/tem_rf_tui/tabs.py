"""The tabs of the app, whose content is created when it is first needed."""

from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.events import Resize
from textual.reactive import Reactive
from textual.renderables.blank import Blank
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import TabbedContent, TabPane

from tem_rf_tui.images import ImageKind
from tem_rf_tui.screens import SCREENS, screen_class
from tem_rf_tui.screens.base import TabScreen
from tem_rf_tui.screens.too_small import TooSmallScreen
from tem_rf_tui.session import SessionApp
from tem_rf_tui.slow_line import SlowLineScreen
from tem_rf_tui.terminal_size import is_too_small
from tem_rf_tui.widgets.blank_lines import BlankLines
from tem_rf_tui.widgets.job_line import JobLine
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.machine_line import MachineLine


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


class MainScreen(BlankLines, SlowLineScreen):
    """Holds the tabs; when the focus moves, only the two widgets are redrawn, not everything as in Textual."""

    focused = Reactive[Widget | None](None, repaint=False)


class TabbedApp(SessionApp):
    """An app with one tab per screen; the last one is opened again.

    Args:
        folder: The working folder, with `runs/`, `datasets/` and `saved_models/` as the commands create them.
        images: How pictures are drawn, as prepared by `tem_rf_tui.images.image_kind`.
    """

    def __init__(self, folder: Path, images: ImageKind = "blocks") -> None:
        super().__init__(folder, images)
        self.opened = self._first_screen()

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

    def on_resize(self, event: Resize) -> None:
        """Say so if the terminal is too small, instead of drawing what cannot be read."""
        is_told, is_small = isinstance(self.screen, TooSmallScreen), is_too_small(*event.size)
        if is_small and not is_told:
            self.push_screen(TooSmallScreen())
        elif is_told and not is_small:
            self.pop_screen()

    async def action_open(self, name: str) -> None:
        """Open a tab, ready for the next key and drawn only once."""
        with self.batch_update():
            self.screen_stack[0].query_one(ScreenTabs).active = name
            await self.make_ready(name)

    async def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        """Handle a tab opened by key or mouse."""
        name = event.pane.id
        if isinstance(event.tabbed_content, ScreenTabs) and name is not None and name != self.opened:
            await self.make_ready(name)

    def open_screen(self) -> TabScreen | None:
        """Return the content of the open tab; None before it is created and while the app is closing."""
        tabs = next(iter(self.screen_stack[0].query(ScreenTabs)), None)
        if tabs is None or not tabs.display or not tabs.active:  # what is being removed is displayed no longer
            return None
        return next(iter(tabs.query(f"#{tabs.active} TabScreen").results(TabScreen)), None)

    async def make_ready(self, name: str) -> None:
        """Create the content of a tab when it is first opened, and give it the focus."""
        self.opened = name
        tabs = self.screen_stack[0].query_one(ScreenTabs)
        pane = tabs.get_pane(name)
        if not pane.query(TabScreen):
            await pane.mount(screen_class(name)())  # no message reaches it before its widgets exist
        if tabs.active == name and (screen := self.open_screen()) is not None:
            screen.activate()
            screen.show_runs()
        if name != self.remembered.screen:
            self.call_after_refresh(self.remember, screen=name)

    @work(thread=True, group="import")
    def import_screens(self) -> None:
        """Import all screens, so opening a tab does not delay the next key."""
        for name, _ in SCREENS:
            screen_class(name)

    def _first_screen(self) -> str:
        names = [name for name, _ in SCREENS]
        return self.remembered.screen if self.remembered.screen in names else names[0]
