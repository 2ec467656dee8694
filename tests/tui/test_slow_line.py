"""Over a slow line frames are left out, and the last one is shown."""

import asyncio
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widgets import Label

from tem_rf_tui import slow_line
from tem_rf_tui.slow_line import SlowLineScreen, frames_waiting
from tests.helpers.app import until


class _LabelApp(App[None]):
    def get_default_screen(self) -> Screen[Any]:
        return SlowLineScreen(id="_default")

    def compose(self) -> ComposeResult:
        yield Label("frame 0")


def test_frames_are_left_out_while_the_terminal_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    now = [100.0]
    monkeypatch.setattr(slow_line, "monotonic", lambda: now[0])

    async def run() -> None:
        app = _LabelApp()
        async with app.run_test() as pilot:
            label = app.query_one(Label)
            waiting: Queue[str] = Queue()
            monkeypatch.setattr(app._driver, "_writer_thread", SimpleNamespace(_queue=waiting), raising=False)
            monkeypatch.setattr(app, "_display", lambda *_: drawn.append(str(label.render())))
            label.update("frame 1")
            await until(pilot, lambda: drawn[-1:] == ["frame 1"])
            waiting.put("a frame that the terminal has not taken yet")
            assert frames_waiting(app) == 1
            label.update("frame 2")  # follows at once, which every terminal can take
            await until(pilot, lambda: drawn[-1] == "frame 2")
            now[0] += 1
            for number in range(3, 8):
                label.update(f"frame {number}")
                await pilot.pause(0.05)
            assert drawn[-1] == "frame 2"
            waiting.get()
            await until(pilot, lambda: drawn[-1] == "frame 7")
            assert not {"frame 3", "frame 4", "frame 5", "frame 6"} & set(drawn)

    asyncio.run(run())
