"""Validation patches of a run on the Train screen."""

from pathlib import Path
from typing import Any

import numpy as np
from textual.pilot import Pilot
from textual.widgets import TabbedContent

from tem_rf.runs.events import SampleEvent
from tem_rf.runs.samples import Samples, write_samples
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.widgets.run_table import RunTable
from tests.helpers.app import WIDE, drive, make_run, screen_text, until


def _write(run: Any, epoch: int, right: Any) -> None:
    """Two patches of 8 px with a particle in the upper half; `right` of its pixels are found."""
    labels = np.zeros((2, 8, 8), bool)
    labels[:, :4] = True
    predictions = labels.copy()
    predictions[:, :4].reshape(2, -1)[:, right:] = False
    images = np.random.default_rng(0).integers(0, 255, (2, 8, 8), np.uint8)
    write_samples(run.samples_file, Samples(epoch, images, labels, predictions))
    run.event_log().write(SampleEvent(epoch=epoch, patches=2))


async def _open_patches(app: TemRfApp, pilot: Pilot[None]) -> None:
    await pilot.press("3")
    await until(pilot, lambda: bool(app.query("RunTable")) and len(app.query_one(RunTable).rows) == 1)
    await pilot.press("v")
    await until(pilot, lambda: app.query_one("#views", TabbedContent).active == "samples")


def test_patches_are_shown_and_follow_the_epochs(folder: Path) -> None:
    run = make_run(folder / "runs", "a", epochs=2, total=5, state="stopped")
    _write(run, 1, right=32)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open_patches(app, pilot)
        await until(pilot, lambda: "epoch 1, dice 1.000" in screen_text(app))
        assert "label, patch 1/2" in screen_text(app)
        await pilot.press("full_stop")
        await until(pilot, lambda: "label, patch 2/2" in screen_text(app))
        _write(run, 2, right=16)  # dice (2 * 16 + 1) / (16 + 32 + 1)
        await until(pilot, lambda: "epoch 2, dice 0.673" in screen_text(app))
        assert "label, patch 2/2" in screen_text(app)

    drive(folder, script, size=WIDE)


def test_a_run_without_patches_says_when_they_come(folder: Path) -> None:
    make_run(folder / "runs", "a", epochs=0, state="stopped")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open_patches(app, pilot)
        await until(pilot, lambda: "No patches yet; they appear here after the first" in screen_text(app))
        assert not app.query_one("#samples-side-by-side").display

    drive(folder, script, size=WIDE)
