"""The guide: what the app does in six steps, which are done in this folder, and the key for the next."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from tem_rf.version import __version__
from tem_rf_tui.session import SessionApp
from tem_rf_tui.steps import Step, find_steps, next_step
from tem_rf_tui.widgets.key_line import KeyLine


class GuideScreen(ModalScreen[Step | None]):
    """Shows the steps; Enter returns the next one.

    Args:
        session: The app.
    """

    BINDINGS = [
        Binding("enter", "next", "Next step", tooltip="Begin the next step"),
        Binding("escape,q,i", "dismiss(None)", "Close"),
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="List all keys"),
    ]

    @dataclass
    class StepsFound(Message):
        """The folder was searched."""

        steps: list[Step]

    def __init__(self, session: SessionApp) -> None:
        super().__init__()
        self._session = session
        self._steps: list[Step] = []

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide report") as dialog:
            dialog.border_title = f"tem-rf {__version__}: from micrographs to particles"
            yield Static("Reading …", id="steps")
        yield KeyLine()

    def on_mount(self) -> None:
        """Search the folder."""
        self._find()

    def on_guide_screen_steps_found(self, message: StepsFound) -> None:
        """Show the steps."""
        self._steps = message.steps
        self.query_one("#steps", Static).update(guide_text(message.steps, self._session.hint))

    def action_next(self) -> None:
        """Return the next step."""
        self.dismiss(next_step(self._steps))

    @work(thread=True, description="search the folder")
    def _find(self) -> None:
        app = self._session
        self.post_message(self.StepsFound(find_steps(app.workspace, app.runs, app.jobs, app.remembered.networks)))


def guide_text(steps: list[Step], hint: Callable[[str], str]) -> Text:
    """Return the steps, the next one in bold.

    Args:
        steps: The steps.
        hint: Replaces the names of keys by the keys.
    """
    text, coming = Text(), next_step(steps)
    for number, step in enumerate(steps, start=1):
        style = "bold" if step is coming else ""
        sign = "✓" if step.done else "▶" if step is coming else " "
        text.append(f"{sign} {number} {step.title}: ", style).append(f"{step.about}.\n", style)
        text.append(f"     {step.done or hint(f'press {step.keys}')}\n", style if step is coming else "dim")
    text.append("\n")
    if coming is None:
        text.append("All steps are done. A study (screen 4) compares many networks on the same images.")
    else:
        text.append(f"Next: {coming.title.lower()}. Press Enter to {coming.begin}, or {hint(coming.keys)}.")
    return text
